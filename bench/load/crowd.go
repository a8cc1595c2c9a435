package main

import (
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// One who was not let in, or was sent away, waits so long before the next try, and twice as long each time, to the most.
const again, longest = 50 * time.Millisecond, 2 * time.Second

// crowd is everybody in this process.
type crowd struct {
	objects []object
	// role is what a peer does on its connection until that ends; number says the how manieth it is.
	role func(p *conn, number int) error
	// of is the object that a peer is about.
	of func(number int) object
	// at is whom they dial, from the address of the first of them.
	at   netip.AddrPort
	from netip.Addr

	connected, met atomic.Int64
	sent, received atomic.Int64
}

// count is how it stands.
type count struct {
	// Connected is how many have shaken hands and are still there.
	Connected int64
	// Met is how many have shaken hands at all.
	Met int64
	// Sent and Received are bytes of content.
	Sent, Received int64
}

func (c *crowd) count() count {
	return count{c.connected.Load(), c.met.Load(), c.sent.Load(), c.received.Load()}
}

// dial lets so many connect.
func (c *crowd) dial(n int) {
	for i := range n {
		go c.keepDialling(i)
	}
}

// keepDialling connects again whenever the connection has ended.
func (c *crowd) keepDialling(number int) {
	dialer := net.Dialer{LocalAddr: c.source(number)}
	var first sync.Once
	for wait := again; ; wait = min(2*wait, longest) {
		tcp, err := dialer.Dial("tcp", c.at.String())
		if err == nil {
			c.serve(tcp, number, &first)
		}
		time.Sleep(wait + rand.N(wait))
	}
}

// source is the address of one of them, in a network of its own as strangers are.
func (c *crowd) source(number int) net.Addr {
	if !c.from.IsValid() {
		return nil
	}
	ip := c.from.As4()
	binary.BigEndian.PutUint32(ip[:], binary.BigEndian.Uint32(ip[:])+uint32(number)<<16)
	return &net.TCPAddr{IP: ip[:]}
}

// serve plays the role on a connection until it ends.
func (c *crowd) serve(tcp net.Conn, number int, first *sync.Once) {
	defer tcp.Close()
	p := &conn{Conn: tcp, crowd: c, object: c.of(number)}
	if p.shakeHands() != nil {
		return
	}
	first.Do(func() { c.met.Add(1) })
	c.connected.Add(1)
	defer c.connected.Add(-1)
	// However it ended, it is over.
	_ = c.role(p, number)
}

// shakeHands says who we are and hears who the other is. The handshake of BEP 10 is ours to send and the other's to hear of:
// what it says is not used.
func (p *conn) shakeHands() error {
	id := [20]byte{'-', 'L', 'D', '0', '0', '0', '1', '-'}
	for i := 8; i < len(id); i++ {
		id[i] = byte(rand.Uint32())
	}
	features := []peer.Feature{peer.FeatureFast, peer.FeatureExtended}
	if p.object.hybrid {
		features = append(features, peer.FeatureV2)
	}
	hello := peer.AppendHandshake(nil, peer.Handshake{
		Reserved: peer.MakeReserved(features...), InfoHash: p.object.hash, PeerID: id,
	})
	if _, err := p.Write(hello); err != nil {
		return err
	}
	for len(p.in) < peer.HandshakeSize {
		if err := p.read(initial); err != nil {
			return err
		}
	}
	theirs, err := peer.ParseHandshake(p.in)
	if err != nil {
		return err
	}
	p.in = p.in[peer.HandshakeSize:]
	p.fast = theirs.Reserved.Has(peer.FeatureFast)
	p.v2 = p.object.hybrid && theirs.Reserved.Has(peer.FeatureV2)
	if theirs.Reserved.Has(peer.FeatureExtended) {
		p.out = peer.AppendExtHandshake(p.out, peer.ExtHandshake{
			M: map[string]uint8{peer.ExtMetadata: 1, peer.ExtPEX: 2}, Version: "load", Reqq: depth,
		})
	}
	return nil
}
