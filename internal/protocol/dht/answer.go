package dht

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/dht/guard"
	"github.com/potluck-p2p/potluck/internal/protocol/dht/table"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// pingSize is the length of a ping of ours in bytes, at most.
const pingSize = 70

// maxTold is how many peers of an info-hash are told of in one reply.
const maxTold = 50

// answer serves a query of so many bytes.
func (n *Node) answer(now time.Time, s *side, from netip.AddrPort, m *krpc.Message, size int) {
	if !n.serves(now, s, from) {
		return
	}
	q := &m.Query
	if q.Token != nil && n.tokens.Valid(now, from.Addr(), q.Token) {
		n.proof.Prove(now, from)
	}
	limit := n.proof.ReplyLimit(now, from, size)
	if !m.ReadOnly && s.table.Asked(now, krpc.Node{ID: q.ID, Addr: from}) && !n.proof.Proven(now, from) {
		limit -= pingSize // it will be sent there on the word of the same query
	}
	reply := krpc.Message{Transaction: m.Transaction, Version: n.version, IP: from}
	r, err := n.serve(now, s, from, q)
	var refusal *krpc.Error
	switch {
	case err == nil:
		n.counts.Answered++
		r.ID = s.id
		reply.Kind, reply.Response = krpc.KindResponse, r
	case errors.As(err, &refusal):
		reply.Kind, reply.Error = krpc.KindError, *refusal
	}
	n.reply(from, &reply, limit)
}

// answerMalformed tells somebody that what he sent is a query, but no good one.
func (n *Node) answerMalformed(now time.Time, s *side, from netip.AddrPort, m *krpc.Message, size int) {
	if n.serves(now, s, from) {
		reply := krpc.Message{Kind: krpc.KindError, Transaction: m.Transaction, Version: n.version, IP: from}
		reply.Error = krpc.Error{Code: krpc.CodeProtocol, Message: "malformed query"}
		n.reply(from, &reply, n.proof.ReplyLimit(now, from, size))
	}
}

// serves reports whether an address gets an answer at all.
func (n *Node) serves(now time.Time, s *side, from netip.AddrPort) bool {
	if s.mode == ReadOnly {
		return false // BEP 43: "It no longer responds to 'query' messages that it receives"
	}
	switch n.limits.Ask(now, from) {
	case guard.AddressTooFast:
		n.refuse(AddressTooFast)
		return false
	case guard.NetworkTooFast:
		n.refuse(NetworkTooFast)
		return false
	}
	return true
}

// reply sends what fits into limit bytes, or nothing.
func (n *Node) reply(to netip.AddrPort, m *krpc.Message, limit int) {
	packet, trimmed, ok := m.Fit(limit)
	switch {
	case !ok:
		n.refuse(TooLong)
		return
	case trimmed:
		n.refuse(Trimmed)
	}
	n.send(to, packet)
}

// serve does what a query asks for. An error is a *krpc.Error to be sent.
func (n *Node) serve(now time.Time, s *side, from netip.AddrPort, q *krpc.Query) (r krpc.Response, err error) {
	switch q.Method {
	case krpc.Ping:
		return r, nil
	case krpc.Put:
		return r, n.servePut(now, from, q)
	}
	// Methods to come are asked of the nodes near a target too: who does not know them shall lead the way at least.
	if !q.HasTarget {
		if q.Known() {
			return r, n.refuseQuery(Malformed, krpc.CodeProtocol, "no target")
		}
		return r, n.refuseQuery(UnknownMethod, krpc.CodeMethodUnknown, "method unknown")
	}
	if q.Method == krpc.AnnouncePeer {
		return r, n.serveAnnounce(now, from, q)
	}
	n.tellNodes(now, s, from, q, &r)
	switch q.Method {
	case krpc.GetPeers:
		n.tellPeers(now, s, from, q, &r)
	case krpc.Get:
		n.tellItem(now, from, q, &r)
	case krpc.SampleInfohashes:
		sample := n.peers.Sample(now)
		r.Samples = &sample
	}
	return r, nil
}

func (n *Node) refuseQuery(why Refusal, code int, text string) error {
	n.refuse(why)
	return &krpc.Error{Code: code, Message: text}
}

// tellNodes names the nodes nearest to the target, of the families that are wanted: "In the absence of a "want" parameter, the
// reply should include "nodes" if the request was sent over IPv4, and should include "nodes6" if the request was sent over
// IPv6." Nobody outside is told of the nodes and peers in our local network.
func (n *Node) tellNodes(now time.Time, s *side, from netip.AddrPort, q *krpc.Query, r *krpc.Response) {
	private := func(k krpc.Node) bool { return !guard.Usable(k.Addr, from.Addr()) }
	r.Lists = q.Want
	if r.Lists == 0 {
		r.Lists = s.family
	}
	for _, other := range n.sides {
		switch other.family & r.Lists {
		case krpc.IPv4:
			r.Nodes = slices.DeleteFunc(other.table.Closest(now, q.Target, table.K), private)
		case krpc.IPv6:
			r.Nodes6 = slices.DeleteFunc(other.table.Closest(now, q.Target, table.K), private)
		}
	}
}

func (n *Node) tellPeers(now time.Time, s *side, from netip.AddrPort, q *krpc.Query, r *krpc.Response) {
	r.Peers = slices.DeleteFunc(n.peers.Of(now, q.Target, s.family, maxTold, q.NoSeed), func(p netip.AddrPort) bool {
		return !guard.Usable(p, from.Addr())
	})
	if q.Scrape {
		r.Seeders, r.Leechers = n.peers.Scrape(now, q.Target)
	}
	if n.peers.Takes(now, q.Target, from.Addr()) {
		r.Token = n.tokens.Issue(now, from.Addr())
	}
}

func (n *Node) serveAnnounce(now time.Time, from netip.AddrPort, q *krpc.Query) error {
	port := q.Port
	if q.ImpliedPort {
		port = from.Port() // "the source port of the UDP packet should be used as the peer's port instead"
	}
	switch {
	case !n.tokens.Valid(now, from.Addr(), q.Token):
		return n.refuseQuery(BadToken, krpc.CodeProtocol, "bad token")
	case port == 0:
		return n.refuseQuery(Malformed, krpc.CodeProtocol, "no port")
	}
	if err := n.peers.Announce(now, q.Target, netip.AddrPortFrom(from.Addr(), port), q.Seed); err != nil {
		return n.refuseQuery(NoRoom, krpc.CodeServer, err.Error())
	}
	return nil
}

func (n *Node) tellItem(now time.Time, from netip.AddrPort, q *krpc.Query, r *krpc.Response) {
	r.Token = n.tokens.Issue(now, from.Addr())
	it, ok := n.items.Get(now, q.Target)
	if !ok {
		return
	}
	if it.Mutable() {
		r.Seq = &it.Seq
		// "an item's value should only be sent if its sequence number is greater than the given value"
		if q.NewerThan != nil && it.Seq <= *q.NewerThan {
			return
		}
	}
	r.Item = it
}

func (n *Node) servePut(now time.Time, from netip.AddrPort, q *krpc.Query) error {
	if !n.tokens.Valid(now, from.Addr(), q.Token) {
		return n.refuseQuery(BadToken, krpc.CodeProtocol, "bad token")
	}
	err := n.items.Put(now, from.Addr(), q.Item, q.CAS)
	var refusal *krpc.Error
	if errors.As(err, &refusal) {
		switch refusal.Code {
		case krpc.CodeTooBig, krpc.CodeSaltTooBig:
			n.refuse(TooBig)
		case krpc.CodeBadSignature:
			n.refuse(BadSignature)
		case krpc.CodeOldSequence, krpc.CodeCASMismatch:
			n.refuse(OldSequence)
		case krpc.CodeServer:
			n.refuse(NoRoom)
		default:
			n.refuse(Malformed)
		}
	}
	return err
}
