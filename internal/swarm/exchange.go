package swarm

import (
	"net/netip"
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

// beginExchange begins to exchange peers with one of them, as soon as both sides offer it.
func (s *Swarm) beginExchange(now time.Time, p *peer) {
	if s.exchange == nil || p.partner != nil || !p.conv.Exchanges() {
		return
	}
	listen := p.listen
	if p.outgoing {
		listen = p.addr
	}
	p.partner = pex.NewPartner(now, p.addr.Addr(), listen)
	if !listen.IsValid() {
		return
	}
	var flags wire.PEXFlags
	if p.have.Len() > 0 && p.have.Full() {
		flags |= wire.PEXSeed
	}
	if p.outgoing {
		flags |= wire.PEXReachable
	}
	p.exchanged = listen
	s.exchange.Join(listen, flags)
}

// tellPeers tells a peer of others, when it is time.
func (s *Swarm) tellPeers(now time.Time, p *peer) {
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
	for _, x := range told {
		if s.cfg.Accept != nil && s.cfg.Accept(x.Addr) {
			s.candidates.add(FromPEX, x.Addr)
		}
	}
	if len(told) > 0 {
		s.wake()
	}
	return err
}

// endExchange is for a peer that leaves.
func (s *Swarm) endExchange(p *peer) {
	if p.partner == nil {
		return
	}
	s.exchange.Part(p.partner)
	if p.exchanged != (netip.AddrPort{}) {
		s.exchange.Leave(p.exchanged)
	}
}
