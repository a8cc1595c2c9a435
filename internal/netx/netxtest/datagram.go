package netxtest

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/mux"
)

const (
	// udpQueue is how many datagrams a socket holds that nobody has read.
	udpQueue = 512
	// wireQueue is how many bytes wait before a link whose bandwidth is taken up; further ones are dropped.
	wireQueue = 256 << 10
)

// ListenUDP opens a datagram socket at an address of the host. See [netx.Network].
func (h *Host) ListenUDP(_ context.Context, local netip.AddrPort) (netx.PacketConn, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.owns(local.Addr()) {
		return nil, listenError("udp", local, syscall.EADDRNOTAVAIL)
	}
	if local.Port() == 0 {
		local = netip.AddrPortFrom(local.Addr(), h.port())
	}
	if _, taken := bound(h.udp, local); taken {
		return nil, listenError("udp", local, syscall.EADDRINUSE)
	}
	u := &udpConn{Inbox: mux.NewInbox(udpQueue), host: h, local: local}
	h.udp[local] = u
	return u, nil
}

type udpConn struct {
	*mux.Inbox
	host  *Host
	local netip.AddrPort
}

func (u *udpConn) LocalAddr() netip.AddrPort { return u.local }

func (u *udpConn) WriteTo(p []byte, to netip.AddrPort) (int, error) {
	return u.send(p, to, netx.Fragmentable)
}

// WriteSegments sends datagrams, of which those too large for a link are lost unless they may be cut. See [netx.SegmentWriter].
func (u *udpConn) WriteSegments(p []byte, size int, to netip.AddrPort, f netx.Fragmentation) (err error) {
	for seg := range slices.Chunk(p, size) {
		if _, e := u.send(seg, to, f); e != nil {
			err = e
		}
	}
	return err
}

func (u *udpConn) send(p []byte, to netip.AddrPort, f netx.Fragmentation) (int, error) {
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	if !netx.Carries(u.local.Addr(), to.Addr()) {
		return 0, listenError("udp", to, syscall.EAFNOSUPPORT)
	}
	peer, from, ok := u.host.route(to.Addr())
	if !ok && !from.IsValid() {
		return 0, listenError("udp", to, syscall.ENETUNREACH)
	}
	if !u.local.Addr().IsUnspecified() {
		from = u.local.Addr()
	}
	w := u.host.world
	u.host.opens(to)
	if !ok {
		return len(p), nil // nobody has the address
	}
	link := w.link(u.host, peer)
	if link.Cut || w.lost(link.Loss) || link.MaxDatagram > 0 && len(p) > link.MaxDatagram && f == netx.Whole {
		return len(p), nil
	}
	d := parcel{data: slices.Clone(p), from: netip.AddrPortFrom(from, u.local.Port()), to: to}
	if link.Delay > 0 || link.Bandwidth > 0 {
		w.wire(u.host, peer).carry(d, link)
	} else {
		peer.deliver(d)
	}
	return len(p), nil
}

func (u *udpConn) Close() error {
	u.host.mu.Lock()
	if u.host.udp[u.local] == u {
		delete(u.host.udp, u.local)
	}
	u.host.mu.Unlock()
	return u.Inbox.Close()
}

// parcel is a datagram on its way.
type parcel struct {
	data     []byte
	from, to netip.AddrPort
	at       time.Time // arrival
}

func (h *Host) deliver(d parcel) {
	h.mu.Lock()
	dst, ok := bound(h.udp, d.to)
	lets := h.lets(d.from)
	h.mu.Unlock()
	if ok && lets {
		dst.Put(d.data, d.from)
	}
}

// wire is one direction of a link that takes time: datagrams leave it in the order in which they came.
type wire struct {
	to *Host

	mu      sync.Mutex
	idle    time.Time // when it has sent all that waits
	parcels []parcel
}

// wire is the one between two hosts.
func (w *World) wire(from, to *Host) *wire {
	w.mu.Lock()
	defer w.mu.Unlock()
	k := linkKey{from, to}
	if w.wires[k] == nil {
		w.wires[k] = &wire{to: to}
	}
	return w.wires[k]
}

func (x *wire) carry(d parcel, link Link) {
	x.mu.Lock()
	defer x.mu.Unlock()
	now := time.Now()
	if x.idle.Before(now) {
		x.idle = now
	}
	if link.Bandwidth > 0 {
		seconds := func(bytes int) time.Duration {
			return time.Duration(float64(bytes) / float64(link.Bandwidth) * float64(time.Second))
		}
		if x.idle.Sub(now) > seconds(wireQueue) {
			return
		}
		x.idle = x.idle.Add(seconds(len(d.data)))
	}
	d.at = x.idle.Add(link.Delay)
	if n := len(x.parcels); n > 0 && d.at.Before(x.parcels[n-1].at) {
		d.at = x.parcels[n-1].at // the link became faster
	}
	x.parcels = append(x.parcels, d)
	if len(x.parcels) == 1 {
		time.AfterFunc(d.at.Sub(now), x.arrive)
	}
}

// arrive delivers what is there, and comes again for the rest.
func (x *wire) arrive() {
	x.mu.Lock()
	defer x.mu.Unlock()
	now := time.Now()
	n := 0
	for ; n < len(x.parcels) && !x.parcels[n].at.After(now); n++ {
		x.to.deliver(x.parcels[n])
	}
	if x.parcels = slices.Delete(x.parcels, 0, n); len(x.parcels) > 0 {
		time.AfterFunc(x.parcels[0].at.Sub(now), x.arrive)
	}
}
