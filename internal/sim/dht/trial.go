package dht

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"time"

	core "github.com/potluck-p2p/potluck/internal/protocol/dht"
	"github.com/potluck-p2p/potluck/internal/wire/bencode"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// thing is what is kept in the DHT and looked for.
type thing uint8

const (
	peers   thing = iota // somebody announces that he has it (BEP 5)
	fixed                // an immutable item (BEP 44)
	changed              // a mutable item, put a second time with another value
	things
)

// A trial is one thing, kept by one honest node and looked for by another.
type trial struct {
	of             thing
	keeper, seeker *honest
	key            krpc.ID
	versions       []krpc.Item // that are put, one after the other

	found, wrong bool          // what is right; something else
	first, ended time.Duration // how long it took until what is right was there, and until nobody was left to ask
	sent         int           // queries
}

func newTrial(of thing, keeper, seeker *honest, rng *rand.Rand) *trial {
	t := &trial{of: of, keeper: keeper, seeker: seeker}
	var secret [ed25519.SeedSize]byte
	for i := range len(secret) / 8 {
		binary.BigEndian.PutUint64(secret[8*i:], rng.Uint64())
	}
	switch of {
	case peers:
		t.key = krpc.ID(secret[:])
	case fixed:
		t.versions = []krpc.Item{{Value: bencode.AppendBytes(nil, secret[:])}}
		t.key = t.versions[0].Target()
	case changed:
		owner := ed25519.NewKeyFromSeed(secret[:])
		for seq := range int64(2) {
			item, err := krpc.Sign(owner, nil, bencode.AppendInt(nil, seq), seq)
			if err != nil {
				panic(err) // this package's fault
			}
			t.versions = append(t.versions, item)
		}
		t.key = t.versions[0].Target()
	}
	return t
}

// keep announces or puts, version after version, and then has the other look for it.
func (t *trial) keep(version int) {
	h := t.keeper
	now := h.w.clock()
	var done func() bool
	if t.of == peers {
		done = h.core.FindPeers(now, t.key, core.PeerOptions{Announce: &core.Announcement{Port: basePort}}).Done
	} else {
		search, err := h.core.Put(now, t.versions[version], nil)
		if err != nil {
			panic(err) // this package's fault
		}
		done = search.Done
	}
	h.until(done, func() {
		h.w.after(restBetween, func() {
			if version+1 < len(t.versions) {
				t.keep(version + 1)
			} else {
				t.seek()
			}
		})
	})
}

// restBetween is how long it takes until somebody does the next thing.
const restBetween = 2 * time.Second

// seek looks for what was kept.
func (t *trial) seek() {
	h := t.seeker
	began := h.w.now
	count := h.count(t.key, &t.sent)
	done := t.search(func() {
		if !t.found {
			t.found, t.first = true, h.w.now-began
		}
	})
	h.until(done, func() {
		count()
		t.ended = h.w.now - began
	})
}

// search begins a search whose state is looked at by done, which calls found as soon as what is right is there.
func (t *trial) search(found func()) (done func() bool) {
	h := t.seeker
	now := h.w.clock()
	if t.of == peers {
		s := h.core.FindPeers(now, t.key, core.PeerOptions{})
		return func() bool {
			if slices.Contains(s.Take(), t.keeper.addr) {
				found()
			}
			return s.Done()
		}
	}
	newest := t.versions[len(t.versions)-1]
	var s *core.ItemSearch
	if t.of == changed {
		s = h.core.GetMutable(now, newest.Key, nil, nil)
	} else {
		s = h.core.GetImmutable(now, t.key)
	}
	return func() bool {
		best, ok := s.Best()
		switch {
		case ok && bytes.Equal(best.Value, newest.Value):
			found()
		case s.Done():
			t.wrong = ok
		}
		return s.Done()
	}
}

// right reports whether the look-up found what it was for, and ended.
func (t *trial) right() bool { return t.found && !t.wrong && t.ended > 0 }
