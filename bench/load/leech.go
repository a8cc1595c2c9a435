package main

import (
	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// depth is how many requests one of those who fetch has under way: a MiB.
const depth = 64

// leech wants everything that the other side has, each block once, beginning somewhere else than the others do.
func leech(p *conn, number int) error {
	p.sayNone()
	p.out = peer.AppendInterested(p.out)
	w := wanting{conn: p, has: make([]bool, p.object.pieces()), asked: make([]bool, p.object.pieces()), choked: true, at: -1}
	// A prime number spreads them however many there are.
	w.next = number * 7919 % p.object.pieces()
	return p.each(large, w.hear, w.ask)
}

// wanting is what one who fetches knows.
type wanting struct {
	*conn
	has, asked []bool // by piece
	choked     bool
	underway   int
	at         int   // the piece being asked for; -1 is none
	begin      int64 // what comes next of it
	next       int   // where the search for the next one begins
}

func (w *wanting) hear(m peer.Message) error {
	switch m.Type {
	case peer.Choke:
		w.choked = true
		if !w.fast {
			w.underway = 0
		}
	case peer.Unchoke:
		w.choked = false
	case peer.Have:
		if int(m.Index) < len(w.has) {
			w.has[m.Index] = true
		}
	case peer.HaveAll:
		for i := range w.has {
			w.has[i] = true
		}
	case peer.Bitfield:
		for i := range w.has {
			w.has[i] = i/8 < len(m.Payload) && m.Payload[i/8]&(0x80>>(i%8)) != 0
		}
	case peer.Piece:
		w.crowd.received.Add(int64(m.Length))
		w.underway--
	case peer.Reject:
		w.underway--
	}
	return nil
}

// ask keeps so many requests under way.
func (w *wanting) ask() error {
	for !w.choked && w.underway < depth && w.choose() {
		size := w.object.sizeOf(w.at)
		n := min(block, size-w.begin)
		w.out = peer.AppendRequest(w.out, uint32(w.at), uint32(w.begin), uint32(n))
		w.underway++
		if w.begin += n; w.begin == size {
			w.at, w.begin = -1, 0
		}
	}
	return w.flush()
}

// choose finds a piece to ask for, unless there is one.
func (w *wanting) choose() bool {
	for i := 0; w.at < 0 && i < len(w.has); i++ {
		piece := (w.next + i) % len(w.has)
		if w.has[piece] && !w.asked[piece] {
			w.asked[piece], w.at, w.next = true, piece, piece+1
		}
	}
	return w.at >= 0
}
