//go:build !linux

package netx

// Unsegment does nothing: the socket sends one by one anyway.
func Unsegment(PacketConn) {}
