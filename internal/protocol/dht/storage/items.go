package storage

import (
	"bytes"
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

const (
	// itemAge is how long an item is kept after it was put. BEP 44: "Without re-announcement, these items MAY expire in 2
	// hours."
	itemAge = 2 * time.Hour
	// maxItems bounds the items, and maxItemsOfNetwork those of one network: an item is some 1,300 bytes at most.
	maxItems          = 2000
	maxItemsOfNetwork = maxItems / 8
)

// Items are the items that were put here.
type Items struct {
	items  map[krpc.ID]*kept
	owners ledger
	swept  time.Time
}

type kept struct {
	item krpc.Item
	from netip.Addr // who put it here first
	at   time.Time  // when it was put last
}

func (k *kept) expired(now time.Time) bool { return now.Sub(k.at) >= itemAge }

// NewItems makes an empty store.
func NewItems() *Items { return &Items{items: make(map[krpc.ID]*kept), owners: make(ledger)} }

// Put keeps an item that somebody at from sends. What is wrong with the item, or why it is not kept, comes back as a
// *krpc.Error to be sent. The item is copied.
func (s *Items) Put(now time.Time, from netip.Addr, it krpc.Item, cas *int64) error {
	// What costs nothing is looked at before the signature.
	old := s.find(now, it.Target())
	if old != nil && it.Mutable() && len(it.Value) <= krpc.MaxValue {
		if err := supersedes(&it, &old.item, cas); err != nil {
			return err
		}
	}
	if err := it.Check(); err != nil {
		return err
	}
	if old != nil {
		old.item, old.at = it.Clone(), now
		return nil
	}
	if s.crowded(from) {
		if s.Expire(now); s.crowded(from) {
			return &krpc.Error{Code: krpc.CodeServer, Message: "no room"}
		}
	}
	s.drop(it.Target()) // it may have expired
	s.items[it.Target()] = &kept{it.Clone(), from, now}
	s.owners.add(from)
	return nil
}

// supersedes says why an item may not take the place of an older one with the same key.
func supersedes(it, old *krpc.Item, cas *int64) error {
	switch {
	// BEP 44: "Only if the cas matches the stored sequence number is the put performed."
	case cas != nil && *cas != old.Seq:
		return &krpc.Error{Code: krpc.CodeCASMismatch, Message: "the CAS number does not match, read again"}
	// "If the sequence number is equal, and the value is also the same, the node SHOULD reset its timeout counter."
	case it.Seq < old.Seq, it.Seq == old.Seq && !bytes.Equal(it.Value, old.Value):
		return &krpc.Error{Code: krpc.CodeOldSequence, Message: "sequence number less than current"}
	}
	return nil
}

func (s *Items) crowded(from netip.Addr) bool {
	return len(s.items) >= maxItems || s.owners.has(from) >= maxItemsOfNetwork
}

func (s *Items) find(now time.Time, target krpc.ID) *kept {
	if k := s.items[target]; k != nil && !k.expired(now) {
		return k
	}
	return nil
}

// Get is the item kept under a target.
func (s *Items) Get(now time.Time, target krpc.ID) (krpc.Item, bool) {
	if k := s.find(now, target); k != nil {
		return k.item, true
	}
	return krpc.Item{}, false
}

// Expire forgets the items that have not been put again for long. It looks at all of them, once a minute at most.
func (s *Items) Expire(now time.Time) {
	if now.Sub(s.swept) < sweepPause {
		return
	}
	s.swept = now
	for target, k := range s.items {
		if k.expired(now) {
			s.drop(target)
		}
	}
}

func (s *Items) drop(target krpc.ID) {
	if k := s.items[target]; k != nil {
		s.owners.drop(k.from)
		delete(s.items, target)
	}
}

// Len is how many items are kept.
func (s *Items) Len() int { return len(s.items) }
