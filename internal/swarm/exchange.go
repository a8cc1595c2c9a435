package swarm

import (
	"net/netip"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/bittorrent"
	"github.com/potluck-p2p/potluck/internal/protocol/pex"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// openExchange allows the exchange of peers, once it is known that the object is not private (BEP 27).
func (s *Swarm) openExchange() {
	if s.exchange == nil && !s.content.Info.Private {
		s.exchange = pex.New(s.cfg.Rand)
	}
}

// beginExchange lets others hear of a peer, and exchanges peers with it as soon as both sides offer that.
func (s *Swarm) beginExchange(now time.Time, p *peer) {
	if s.exchange == nil {
		return
	}
	s.introduce(p)
	if p.partner == nil && p.conv.Exchanges() {
		p.partner = pex.NewPartner(now, p.Addr.Addr(), p.exchanged)
	}
}

// introduce lets others hear of a peer as soon as it is known where it listens, whether it exchanges peers itself or not, and
// later of what it has become.
func (s *Swarm) introduce(p *peer) {
	if !p.exchanged.IsValid() {
		p.exchanged = p.listens()
	}
	if p.exchanged.IsValid() {
		s.exchange.Join(p.exchanged, p.pexFlags())
	}
}

// listens is where others can connect to a peer, as far as it is known.
func (p *peer) listens() netip.AddrPort {
	if p.Outgoing {
		return p.Addr
	}
	if hello, ok := p.conv.Hello(); ok && hello.Port != 0 {
		return netip.AddrPortFrom(p.Addr.Addr(), hello.Port)
	}
	return netip.AddrPort{}
}

// pexFlags is what we know of a peer, which is not everything that there is a flag for.
func (p *peer) pexFlags() (flags wire.PEXFlags) {
	hello, _ := p.conv.Hello()
	if hello.Encrypts {
		flags |= wire.PEXEncryption
	}
	if p.have.Len() > 0 && p.have.Full() || p.conv.PeerUploadOnly() {
		flags |= wire.PEXSeed
	}
	if hello.M[wire.ExtHolepunch] != 0 {
		flags |= wire.PEXHolepunch | wire.PEXUTP // one does not go without the other
	}
	if p.Outgoing {
		flags |= wire.PEXReachable
	}
	if p.utp {
		flags |= wire.PEXUTP
	}
	return flags
}

// tellPeers tells a peer of others, when it is time.
func (s *Swarm) tellPeers(now time.Time, p *peer) {
	if s.exchange != nil {
		s.introduce(p)
	}
	if p.partner == nil {
		return
	}
	if m, ok := s.exchange.Tell(now, p.partner); ok {
		p.conv.TellPeers(m)
		p.wake()
	}
}

// peersTold takes what a peer says of others: hints, of which only addresses that anyone may name are dialled.
func (s *Swarm) peersTold(now time.Time, p *peer, e bittorrent.Event) error {
	if p.partner == nil {
		return nil
	}
	told, err := s.exchange.Hear(now, p.partner, e.Peers)
	told = slices.DeleteFunc(told, func(x wire.PEXPeer) bool { return !s.accepts(x.Addr) })
	for _, x := range told {
		s.book.Add(FromPEX, p.Addr.Addr(), x.Addr)
	}
	p.acquaint(told, e.Peers.Dropped)
	if len(told) > 0 {
		s.wake()
	}
	return err
}

// endExchange is for a peer that leaves.
func (s *Swarm) endExchange(p *peer) {
	if p.partner != nil {
		s.exchange.Part(p.partner)
	}
	isThere := func(q *peer) bool { return q.exchanged == p.exchanged }
	if p.exchanged.IsValid() && !slices.ContainsFunc(s.list, isThere) {
		s.exchange.Leave(p.exchanged)
	}
}
