package bittorrent

import (
	"time"

	"github.com/potluck-p2p/potluck/internal/network/bittorrent/line"
)

const (
	// lull is how long nothing must come until payload no longer counts as flowing.
	lull = time.Second
	// shortLull is the same while memory is scarce.
	shortLull = 20 * time.Millisecond
)

// Leased is how many bytes of large buffers are in use.
func (sh *Shell) Leased() int64 { return int64(sh.buffers.Leased()) * line.BufferSize }

// Press says whether memory is scarce: then a connection gives its large buffer back as soon as nothing comes.
func (sh *Shell) Press(pressed bool) { sh.pressed.Store(pressed) }

func (sh *Shell) lull() time.Duration {
	if sh.pressed.Load() {
		return shortLull
	}
	return lull
}
