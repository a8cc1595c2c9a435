package swarm

import "net/netip"

// maxNodes bounds the DHT nodes that wait to be taken.
const maxNodes = 16

// OwnID is how we call ourselves to peers of this object.
func (s *Swarm) OwnID() [20]byte { return s.cfg.PeerID }

// SpeaksDHT reports whether peers are to know that we have a node in the DHT (BEP 5). Those of a private object are not: what
// it has to do with the DHT is nothing (BEP 27).
func (s *Swarm) SpeaksDHT() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.speaksDHT()
}

func (s *Swarm) speaksDHT() bool {
	return s.cfg.DHTPort != 0 && (s.content == nil || !s.content.Info.Private)
}

// tellPort tells a peer where our DHT node listens, once it is known that the object is not private.
func (s *Swarm) tellPort(p *peer) {
	if s.content != nil && s.speaksDHT() {
		p.conv.TellPort(s.cfg.DHTPort)
	}
}

// portTold notes where a peer says that its DHT node listens, which is at its own address.
func (s *Swarm) portTold(p *peer, port uint16) {
	if s.speaksDHT() && len(s.facts.Nodes) < maxNodes {
		s.facts.Nodes = append(s.facts.Nodes, netip.AddrPortFrom(p.Addr.Addr(), port))
		s.wake()
	}
}
