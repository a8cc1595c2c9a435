package dht

import (
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// ItemSearch is a search for an item, which may end with putting a newer one.
type ItemSearch struct {
	progress
	key, salt []byte // of a mutable item; nil: an immutable one
	target    krpc.ID
	newer     *int64
	best      *krpc.Item
	copies    int // nodes that have the best
	put       *krpc.Item
	cas       *int64
	tokens    map[krpc.Node][]byte
	has       map[krpc.Node]int64 // the sequence number that a node has
	again     bool                // those near the target were asked once more
}

// GetImmutable begins a search for the item whose value has this hash.
func (n *Node) GetImmutable(now time.Time, target krpc.ID) *ItemSearch {
	return n.searchItem(now, &ItemSearch{target: target})
}

// GetMutable begins a search for the newest item of an owner's public key and a salt, which may be empty. If newer is not nil,
// only an item with a higher number is wanted.
func (n *Node) GetMutable(now time.Time, key, salt []byte, newer *int64) *ItemSearch {
	return n.searchItem(now, &ItemSearch{target: krpc.MutableTarget(key, salt), key: key, salt: salt, newer: newer})
}

// Put begins to store an item at the nodes nearest to its target. Cas is the sequence number of the item it shall replace; nil:
// any. If a newer one is met, it is found and nothing is put. The item must pass [krpc.Item.Check]; if it does not, that error
// is returned.
func (n *Node) Put(now time.Time, it krpc.Item, cas *int64) (*ItemSearch, error) {
	if err := it.Check(); err != nil {
		return nil, err
	}
	it = it.Clone()
	return n.searchItem(now, &ItemSearch{target: it.Target(), key: it.Key, salt: it.Salt, put: &it, cas: cas}), nil
}

func (n *Node) searchItem(now time.Time, s *ItemSearch) *ItemSearch {
	s.tokens, s.has = make(map[krpc.Node][]byte), make(map[krpc.Node]int64)
	n.search(now, s.target, s, &s.progress, nil)
	return s
}

// Best is the newest item found so far; its signature or hash has been checked.
func (s *ItemSearch) Best() (krpc.Item, bool) {
	if s.best == nil {
		return krpc.Item{}, false
	}
	return *s.best, true
}

// Copies is how many nodes have told the best item.
func (s *ItemSearch) Copies() int { return s.copies }

func (s *ItemSearch) query(target krpc.ID) krpc.Query {
	q := krpc.Query{Method: krpc.Get, Target: target, NewerThan: s.newer}
	if s.best != nil && s.best.Mutable() && (s.newer == nil || s.best.Seq > *s.newer) {
		q.NewerThan = &s.best.Seq // who has the same need not send it again
	}
	return q
}

func (s *ItemSearch) heard(from krpc.Node, r *krpc.Response) (ok bool) {
	if r.Token != nil {
		s.tokens[from] = append([]byte(nil), r.Token...)
	}
	if r.Seq != nil && s.key != nil {
		s.has[from] = *r.Seq
		if r.Item.Value == nil && s.best != nil && *r.Seq == s.best.Seq {
			s.copies++
		}
	}
	return r.Item.Value == nil || s.consider(r.Item)
}

// consider takes an item that a node sent, and reports whether it is what is searched for.
//
// BEP 44: "the key they get back from a get request MUST be verified to hash to the target ID the lookup was made for, as well
// as verifying the signature".
func (s *ItemSearch) consider(it krpc.Item) (ok bool) {
	it.Salt = s.salt
	if s.key == nil {
		it.Key, it.Sig, it.Seq = nil, nil, 0
	}
	switch {
	case it.Mutable() != (s.key != nil) || it.Target() != s.target || it.Check() != nil:
		return false
	case s.newer != nil && it.Seq <= *s.newer:
	case s.best == nil || it.Seq > s.best.Seq:
		it = it.Clone()
		s.best, s.copies = &it, 1
	case it.Seq == s.best.Seq:
		s.copies++
	}
	return true
}

func (s *ItemSearch) arrived(target krpc.ID, closest []krpc.Node) []message {
	if s.put != nil {
		return s.writes(closest)
	}
	if s.again || s.best != nil {
		return nil
	}
	// A node that does not know us yet may have kept a long item back; our token proves that we are where we say.
	s.again = true
	var list []message
	for _, k := range closest {
		if token := s.tokens[k]; token != nil {
			q := s.query(target)
			q.Token = token
			list = append(list, message{k, q})
		}
	}
	return list
}

// writes are the puts. Each token is used once, so that there are none the second time.
func (s *ItemSearch) writes(closest []krpc.Node) (list []message) {
	if s.best != nil && s.best.Seq > s.put.Seq {
		return nil
	}
	for _, k := range closest {
		token := s.tokens[k]
		if token == nil {
			continue
		}
		delete(s.tokens, k)
		q := krpc.Query{Method: krpc.Put, Token: token, Item: *s.put}
		// "When sending a put request to a node that did not return any data for the get, the cas field SHOULD NOT be included."
		if _, has := s.has[k]; has {
			q.CAS = s.cas
		}
		list = append(list, message{k, q})
	}
	return list
}

func (s *ItemSearch) settled(from krpc.Node, r *krpc.Response, refusal *krpc.Error) (ok bool) {
	if s.put == nil {
		return r == nil || s.heard(from, r)
	}
	s.settle(r, refusal)
	return true
}
