// Package suggest decides which pieces a seed suggests to whom (BEP 6), so that it sends each of them once before it sends any
// of them twice: to each peer others, which nobody has, was suggested or has asked for. Not all peers tell a seed what they have
// got, and none knows what others are just getting; the seed sees both from what it is asked for.
//
// BEP 6: "The intended usage is for 'super-seeding' without throughput reduction, to avoid redundant downloads, and so that a seed
// which is disk I/O bound can upload contiguous or identical pieces to avoid excessive disk seeks." So pieces are suggested in
// their order, from one place on, to all peers together.
//
// It knows no connection and does no I/O. Invariant: no piece is suggested twice, unless whom it was suggested to has left or does not heed,
// and none to a peer that has it.
package suggest

import (
	"slices"

	"github.com/potluck-p2p/potluck/internal/content"
)

const (
	// A peer has suggestions for openBytes that it has not taken up, or for openTime at its rate if that is more; within these
	// bounds by number.
	openBytes           = 2 << 20
	openTime            = 0.5 // seconds
	leastOpen, mostOpen = 2, 64
	// A peer that asks for so many others one after the other does not heed suggestions, and gets none any more.
	patience = 16
)

// Desk is what a seed knows of an object's pieces. It is not safe for concurrent use.
type Desk struct {
	length int64          // of a piece
	taken  content.Bitmap // somebody has it, was suggested it or has asked for it, or we lack it
	next   int            // where the search for one that is not taken goes on
}

// Guest is what the seed knows of a peer. The zero value is one that has asked for nothing.
type Guest struct {
	open []int // suggested, and not asked for
	last int   // 1 + the piece it asked for last
	deaf int   // how many others it has asked for since it asked for one that was suggested
}

// New begins with the pieces that we have, each of a length, from one of them on.
func New(ours content.Bitmap, length int64, first int) *Desk {
	d := &Desk{length: max(length, 1), taken: content.NewBitmap(ours.Len()), next: first}
	for i := range ours.Len() {
		if !ours.Has(i) {
			d.taken.Set(i)
		}
	}
	return d
}

// Has is told that a peer has a piece.
func (d *Desk) Has(g *Guest, piece int) {
	d.taken.Set(piece)
	g.open = slices.DeleteFunc(g.open, func(i int) bool { return i == piece })
}

// HasAll is told that a peer has pieces.
func (d *Desk) HasAll(g *Guest, pieces content.Bitmap) {
	for i := range pieces.All() {
		d.taken.Set(i)
	}
	g.open = slices.DeleteFunc(g.open, pieces.Has)
}

// Asked is told that a peer asks for a block of a piece. It reports whether that is news, after which more may be suggested.
func (d *Desk) Asked(g *Guest, piece int) bool {
	if g.last == piece+1 {
		return false
	}
	g.last = piece + 1
	d.taken.Set(piece)
	if i := slices.Index(g.open, piece); i >= 0 {
		g.open, g.deaf = slices.Delete(g.open, i, i+1), 0
	} else if g.deaf++; g.deaf == patience {
		d.Leave(g)
	}
	return g.deaf < patience
}

// Next appends the pieces that are suggested to a peer now, which has some and whom we send rate bytes per second.
func (d *Desk) Next(g *Guest, has content.Bitmap, rate float64, dst []int) []int {
	want := int(max(openBytes, rate*openTime) / float64(d.length))
	want = min(max(want, leastOpen), mostOpen)
	if g.deaf >= patience {
		want = 0
	}
	for len(g.open) < want {
		piece, ok := d.free(has)
		if !ok {
			break
		}
		d.taken.Set(piece)
		g.open = append(g.open, piece)
		dst = append(dst, piece)
	}
	return dst
}

// free finds the next piece that is not taken, and that a peer does not have.
func (d *Desk) free(has content.Bitmap) (piece int, ok bool) {
	if d.taken.Full() {
		return 0, false
	}
	if piece, ok = d.within(has, d.next, d.taken.Len()); !ok {
		piece, ok = d.within(has, 0, d.next)
	}
	if ok {
		d.next = piece + 1
	}
	return piece, ok
}

// within is free among the pieces from one up to another.
func (d *Desk) within(has content.Bitmap, from, to int) (piece int, ok bool) {
	bits := d.taken.Bytes()
	for i := from; i < to; {
		switch {
		case i%8 == 0 && bits[i/8] == 0xff:
			i += 8
		case d.taken.Has(i) || has.Has(i):
			i++
		default:
			return i, true
		}
	}
	return 0, false
}

// Leave is told that a peer leaves. What was suggested to it is for others.
func (d *Desk) Leave(g *Guest) {
	for _, piece := range g.open {
		d.taken.Clear(piece)
	}
	g.open = nil
}
