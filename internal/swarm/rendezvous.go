package swarm

import (
	"net/netip"
	"time"

	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// maxInvited bounds the addresses that wait to be dialled because a relay said so.
const maxInvited = 16

// invitation is what a relay tells us: to connect to somebody who connects to us now.
type invitation struct {
	relay netip.Addr
	addr  netip.AddrPort
}

// CanMeet reports whether there is a peer that can be asked to bring us together with an address (BEP 55).
func (s *Swarm) CanMeet(addr netip.AddrPort) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.relayTo(addr) != nil
}

// Meet asks a peer to bring us together with an address that does not answer, and that is being dialled over uTP from now on: if it
// is told of us, it dials as well, and either opens the way for the other.
func (s *Swarm) Meet(now time.Time, addr netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.askRelay(now, addr)
}

// NextMeeting picks the next address that is to be dialled at once and over uTP alone, because somebody there does the same. The
// shell must report how it went: by Join, by DialFailed, or by DialBarred.
func (s *Swarm) NextMeeting(now time.Time) (addr netip.AddrPort, try int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.invited) > 0 {
		next := s.invited[0]
		s.invited = s.invited[1:]
		if !s.moving() || s.isConnectedTo(next.addr) {
			continue
		}
		if try, ok := s.gate.Invited(now, next.relay, next.addr); ok {
			return next.addr, try, true
		}
	}
	return addr, 0, false
}

// relayTo is a peer that can be asked for an address. One that we speak uTP with knows where our uTP comes from, whatever our
// router makes of it.
func (s *Swarm) relayTo(addr netip.AddrPort) (relay *peer) {
	for _, p := range s.list {
		if p.Kicked == nil && p.party.Knows(addr) && p.conv.PunchesHoles() && (relay == nil || p.utp && !relay.utp) {
			relay = p
		}
	}
	return relay
}

// askRelay asks one for an address. BEP 55: "The initiating peer sends a rendezvous message to the relaying peer, containing the
// endpoint (IP address and port) of the target peer."
func (s *Swarm) askRelay(now time.Time, addr netip.AddrPort) {
	relay := s.relayTo(addr)
	if relay == nil || !relay.party.Ask(now, addr) {
		return
	}
	s.meetings.Expect(now, addr)
	relay.conv.SendHolepunch(wire.Holepunch{Kind: wire.Rendezvous, Addr: addr})
	relay.wake()
}

// rendezvousFailed asks the next one, while the address is still being dialled.
func (s *Swarm) rendezvousFailed(now time.Time, p *peer, m wire.Holepunch) {
	if p.party.Failed(m.Addr) && s.book.IsDialled(m.Addr) {
		s.askRelay(now, m.Addr)
	}
}

// rendezvousAsked is our part in the middle.
func (s *Swarm) rendezvousAsked(now time.Time, initiator *peer, want netip.AddrPort) {
	if !initiator.party.MayAsk(now) {
		return
	}
	target, err := s.introducible(initiator, want)
	if err != 0 {
		// BEP 55: "The addr_type, addr and port fields in the error message MUST be the same as in the rendezvous message."
		initiator.conv.SendHolepunch(wire.Holepunch{Kind: wire.HolepunchFailed, Addr: want, Err: err})
		return
	}
	if !target.party.MayCall(now) {
		return
	}
	// BEP 55: "the relaying peer sends a connect message to both the initiating peer and the target peer, each containing the
	// endpoint of the other."
	initiator.conv.SendHolepunch(wire.Holepunch{Kind: wire.Connect, Addr: target.endpoint()})
	target.conv.SendHolepunch(wire.Holepunch{Kind: wire.Connect, Addr: initiator.endpoint()})
	target.wake()
}

// introducible finds the peer that another one asks for. The error is 0 if the two may hear of each other.
func (s *Swarm) introducible(initiator *peer, want netip.AddrPort) (*peer, wire.HolepunchError) {
	ip := want.Addr()
	switch {
	case want.Port() == 0, ip.IsUnspecified(), ip.IsMulticast(), ip.Is4In6():
		return nil, wire.NoSuchPeer
	case s.book.IsOurs(want), initiator.isAt(want):
		return nil, wire.NoSelf
	}
	target := s.peerAt(want)
	switch {
	case target == nil, target.Addr.Addr().Is4() != initiator.Addr.Addr().Is4():
		return nil, wire.NotConnected
	case !target.conv.PunchesHoles():
		return nil, wire.NoSupport
	case !s.accepts(initiator.endpoint()), !s.accepts(target.endpoint()):
		// What is in our local network is no business of those outside, and leads nowhere from there.
		return nil, wire.NotConnected
	}
	return target, 0
}

// connectTold is our part as one of the two ends: the address is a hint, and the one who gave it may mean somebody harm.
func (s *Swarm) connectTold(now time.Time, relay *peer, addr netip.AddrPort) {
	relay.party.Called(addr)
	// BEP 55: "If the target peer is already connected to the initiating peer, both of them MUST ignore the connect message
	// silently."
	if s.isConnectedTo(addr) || !s.accepts(addr) || !s.meetings.Heed(now, &relay.party) {
		return
	}
	s.meetings.Expect(now, addr)
	if len(s.invited) < maxInvited {
		s.invited = append(s.invited, invitation{relay.Addr.Addr(), addr})
		s.wake()
	}
}

// accepts reports whether an address that a peer has told may be dialled.
func (s *Swarm) accepts(addr netip.AddrPort) bool { return s.cfg.Accept != nil && s.cfg.Accept(addr) }

// peerAt is the peer that others know by an address; nil if we are connected with none.
func (s *Swarm) peerAt(addr netip.AddrPort) *peer {
	for _, p := range s.list {
		if p.Kicked == nil && p.isAt(addr) {
			return p
		}
	}
	return nil
}

func (s *Swarm) isConnectedTo(addr netip.AddrPort) bool { return s.peerAt(addr) != nil }

// isAt reports whether an address is that of a peer, as it comes to us or as others are told of it.
func (p *peer) isAt(addr netip.AddrPort) bool {
	return addr == p.Addr || addr == p.exchanged || addr == p.endpoint()
}

// endpoint is where the uTP of a peer is, as far as we can know: where its uTP comes from, or else where it says it listens, on the
// same port over TCP and UDP.
func (p *peer) endpoint() netip.AddrPort {
	if at := p.listens(); at.IsValid() && !p.utp {
		return at
	}
	return p.Addr
}

// acquaint notes whom a peer is connected with that punches holes, and with whom it is no longer.
func (p *peer) acquaint(told []wire.PEXPeer, gone []netip.AddrPort) {
	for _, x := range told {
		if x.Flags&wire.PEXHolepunch != 0 {
			p.party.Told(x.Addr)
		}
	}
	for _, addr := range gone {
		p.party.Forget(addr)
	}
}
