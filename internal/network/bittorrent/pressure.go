package bittorrent

import (
	"net"
	"time"

	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// While few large buffers are left a connection that holds one gives it back as soon as nothing comes, or proves to be worth it.
const (
	// lull is how long nothing must come until payload no longer counts as flowing.
	lull = time.Second
	// shortLull is the same while buffers are scarce.
	shortLull = 20 * time.Millisecond
	// scarceTaken is what leastTaken is while buffers are scarce: with so much a portion is gone in two minutes.
	scarceTaken = portionSize / 4
)

func (sh *Shell) lull() time.Duration {
	if sh.buffers.Scarce() {
		return shortLull
	}
	return lull
}

// least is how many bytes a peer must take within writePatience. For whom no more than a block waits holds no large buffer, or
// not for long.
func (sh *Shell) least(waiting net.Buffers) int64 {
	n := 0
	for _, b := range waiting {
		n += len(b)
	}
	if n > wire.PieceHeaderSize+torrent.BlockSize && sh.buffers.Scarce() {
		return scarceTaken
	}
	return leastTaken
}
