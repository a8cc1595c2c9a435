package torrent

const (
	minPieceLength = 16 << 10
	maxPieceLength = 16 << 20
	aimPieces      = 2048
	manyPieces     = 1 << 20
)

// ChoosePieceLength is the piece length to share total bytes with: a power of two that makes between 1,024 and 2,048
// pieces, within 16 KiB and 16 MiB. Only when that would be more than 2^20 pieces it is longer.
func ChoosePieceLength(total int64) int64 {
	n := int64(minPieceLength)
	for total > n*aimPieces && n < maxPieceLength || total > n*manyPieces {
		n *= 2
	}
	return n
}
