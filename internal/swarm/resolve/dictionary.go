// Package resolve is what is asked of peers before pieces can be fetched and verified: the info dictionary (BEP 9), the piece
// layers of a v2 object and the leaves of pieces that failed (BEP 52). It decides who is asked for what, and who is asked
// next; the swarm sends the requests and tells what came of them.
//
// Invariant: what is asked of one peer alone and proven by its own hash names its liar.
package resolve

import (
	"crypto/sha1"
	"crypto/sha256"
	"iter"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/scheduler"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// PeerID names a peer that may be asked.
type PeerID = scheduler.SourceID

// Dictionary gets the info dictionary. Each attempt is with one peer alone; a few run side by side, so that a slow peer holds
// up nothing. With its Hash it is ready for use.
type Dictionary struct {
	Hash metainfo.InfoHash

	attempts []*attempt
	past     map[PeerID]past // of peers that are still there
	found    bool
}

// attempt is one try with one peer.
type attempt struct {
	peer  PeerID
	size  int
	data  []byte // grows as pieces arrive
	got   content.Bitmap
	asked int       // pieces, from the first on
	last  time.Time // something came
	until time.Time // others get their turn then
}

// past is what is remembered of a peer between its attempts.
type past struct {
	tries int
	after time.Time // not to be asked before
}

const (
	// Attempts is how many peers are asked side by side.
	Attempts = 3
	// Patience is how long a peer may be silent in its attempt.
	Patience = 15 * time.Second
	// Turn is how long a peer may take for the whole at the first try; each further try may take twice as long.
	Turn = time.Minute

	window    = 8 // pieces asked for at once
	maxDouble = 6 // times that the turn is doubled
	// rejectedFor is how long a peer that rejected is not asked again.
	rejectedFor = 30 * time.Second
)

// Holder is a peer that says it has an info dictionary of Size bytes, which is more than none and bounded.
type Holder struct {
	Peer PeerID
	Size int
}

// Ask is a piece of the info dictionary, of [wire.MetadataBlock] bytes, to be asked of a peer.
type Ask struct {
	Peer  PeerID
	Piece int
}

// Next begins attempts with the holders that were tried least, the first of these first, and returns what is to be asked now.
func (d *Dictionary) Next(now time.Time, holders iter.Seq[Holder]) (asks []Ask) {
	if d.found {
		return nil
	}
	for len(d.attempts) < Attempts {
		h, ok := d.next(now, holders)
		if !ok {
			break
		}
		p := d.past[h.Peer]
		pieces := (h.Size + wire.MetadataBlock - 1) / wire.MetadataBlock
		d.attempts = append(d.attempts, &attempt{
			peer: h.Peer, size: h.Size, got: content.NewBitmap(pieces), last: now, until: now.Add(Turn << min(p.tries, maxDouble)),
		})
		p.tries++
		d.remember(h.Peer, p)
	}
	for _, a := range d.attempts {
		for ; a.asked < a.got.Len() && a.asked < a.got.Count()+window; a.asked++ {
			if !a.got.Has(a.asked) {
				asks = append(asks, Ask{a.peer, a.asked})
			}
		}
	}
	return asks
}

func (d *Dictionary) next(now time.Time, holders iter.Seq[Holder]) (best Holder, ok bool) {
	for h := range holders {
		if now.Before(d.past[h.Peer].after) || d.of(h.Peer) != nil {
			continue
		}
		if !ok || d.past[h.Peer].tries < d.past[best.Peer].tries {
			best, ok = h, true
		}
	}
	return best, ok
}

func (d *Dictionary) of(id PeerID) *attempt {
	if i := slices.IndexFunc(d.attempts, func(a *attempt) bool { return a.peer == id }); i >= 0 {
		return d.attempts[i]
	}
	return nil
}

func (d *Dictionary) remember(id PeerID, p past) {
	if d.past == nil {
		d.past = make(map[PeerID]past)
	}
	d.past[id] = p
}

// Arrived takes a piece from a peer, also a late one. It returns the info dictionary once it is complete and its hash right,
// and a [wire.ProtocolError] if the peer lies; the attempt with it is over then.
func (d *Dictionary) Arrived(now time.Time, id PeerID, piece int, data []byte) (raw []byte, err error) {
	a := d.of(id)
	if a == nil || piece < 0 || piece >= a.got.Len() {
		return nil, nil // of an attempt before, when it had said another size
	}
	begin := piece * wire.MetadataBlock
	end := min(begin+wire.MetadataBlock, a.size)
	if len(data) != end-begin {
		d.end(id)
		return nil, wire.ProtocolError("metadata piece of the wrong size")
	}
	if len(a.data) < end {
		a.data = append(a.data, make([]byte, end-len(a.data))...)
	}
	copy(a.data[begin:], data)
	a.got.Set(piece)
	a.last = now
	if !a.got.Full() {
		return nil, nil
	}
	if !isInfo(d.Hash, a.data) {
		d.end(id)
		return nil, wire.ProtocolError("metadata does not match the info-hash")
	}
	d.found, d.attempts = true, nil
	return a.data, nil
}

// Rejected ends the attempt with a peer for a while. It may have too much to do, or no longer have it.
func (d *Dictionary) Rejected(now time.Time, id PeerID) {
	d.end(id)
	d.remember(id, past{d.past[id].tries, now.Add(rejectedFor)})
}

// Left forgets a peer.
func (d *Dictionary) Left(id PeerID) {
	d.end(id)
	delete(d.past, id)
}

func (d *Dictionary) end(id PeerID) {
	d.attempts = slices.DeleteFunc(d.attempts, func(a *attempt) bool { return a.peer == id })
}

// Expire gives up on peers that promised the info dictionary and do not send it, or only drop by drop.
func (d *Dictionary) Expire(now time.Time) {
	d.attempts = slices.DeleteFunc(d.attempts, func(a *attempt) bool {
		return now.Sub(a.last) >= Patience || !now.Before(a.until)
	})
}

// isInfo reports whether raw has the info-hash, both where both are known.
func isInfo(hash metainfo.InfoHash, raw []byte) bool {
	if v1, ok := hash.V1(); ok && v1 != metainfo.HashV1(sha1.Sum(raw)) {
		return false
	}
	if v2, ok := hash.V2(); ok && v2 != metainfo.HashV2(sha256.Sum256(raw)) {
		return false
	}
	return true
}
