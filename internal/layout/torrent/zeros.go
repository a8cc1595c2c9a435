package torrent

import "io"

var zeros [64 << 10]byte

// writeZeros hashes n bytes of padding.
func writeZeros(w io.Writer, n int64) {
	for n > 0 {
		k := min(n, int64(len(zeros)))
		w.Write(zeros[:k])
		n -= k
	}
}
