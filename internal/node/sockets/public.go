package sockets

// SetPublicPort says at which port of a router others reach us; 0: at none but Port.
func (s *Sockets) SetPublicPort(port uint16) (changed bool) {
	before := s.PublicPort()
	s.public.Store(uint32(port))
	return s.PublicPort() != before
}

// PublicPort is what others are told: the port at which a router lets them in, or else Port.
func (s *Sockets) PublicPort() uint16 {
	if port := uint16(s.public.Load()); port != 0 {
		return port
	}
	return s.Port()
}
