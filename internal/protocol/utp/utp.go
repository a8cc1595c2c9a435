// Package utp is the uTorrent transport protocol (BEP 29) without I/O: streams over datagrams that yield to other traffic. It is
// handed packets and the time, and returns packets and the time at which it wants to be asked again. It starts no goroutine, takes
// no lock, and reads no clock.
//
// An [Endpoint] is the connections of one UDP socket. It finds whose a datagram is, answers SYNs without keeping more than a few
// words, and makes a [Conn] when the sender has proven that its address is its own. A Conn is put together from one struct for
// each concern, each in its file:
//
//	outgoing  what is sent: bytes, packets, what is acknowledged, what is lost    incoming  what is received, in order
//	rtt       round trips and timeouts                                            reorder   and ahead of it
//	mtu       how large packets may be                                            acks      when to acknowledge
//	window    how much the peer has room for      memory    what all connections together may hold
//
// How much may be in flight and how fast it leaves is decided by package congestion.
//
// receive.go follows a packet in, send.go a packet out.
//
// # A shell around it
//
// For each batch of datagrams: Route each, hand it to its Conn's Receive, send the Reply. Then, for each Conn that got something,
// Send until it returns nothing, send each [Batch] (one sendmsg with UDP_SEGMENT = Size), wake its reader if Readable and its
// writer if Writable, set its timer to Next, and Remove it when Done. All of a batch should have one now, and sending should
// follow Send at once, for delays are measured between these times. A datagram that was cut off by too small a buffer must be
// dropped, since its payload would be taken for whole.
//
// The methods of an Endpoint exclude each other, and those of one Conn do; a Conn and the Endpoint, or two Conns, share nothing that
// changes but the count of a [Memory], which is atomic. So one lock for the socket and one for each connection are enough, and are
// never held together.
//
// # Where it differs from BEP 29
//
//   - Packets do not shrink to 150 bytes on slow paths: nobody does that any more.
//   - A loss is found by the order of transmissions and by time (RFC 9002, 6.1), so that a packet lost twice needs no timeout.
//   - What is lost while the queue is empty takes a fifth of the window and not half; see congestion.Ledbat.
//   - The path MTU is found by padded packets; see mtu.go.
//   - FINs end one direction each, as with TCP. Older libtorrent and libutp end both when either comes.
//
// Which bytes tell a datagram of uTP from others on a shared port is told by the codec, package wire/utp; [Looks] asks it.
package utp

import wire "github.com/potluck-p2p/potluck/internal/wire/utp"

// Looks reports whether a datagram on a shared port is for uTP.
func Looks(pkt []byte) bool { return wire.Looks(pkt) }
