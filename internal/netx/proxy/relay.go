package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/reopen"
	"github.com/potluck-p2p/potluck/internal/wire/socks"
)

const (
	// firstTime bounds the wait for the proxy when a socket is opened; after it the socket is there without a relay for now.
	firstTime = 5 * time.Second
	// again is how soon a relay that is lost is asked for anew.
	again = 2 * time.Second
)

// noRelayError says that the proxy passes on no datagrams.
type noRelayError struct{ via, why string }

func (e *noRelayError) Error() string { return e.via + " passes on no datagrams: " + e.why }

func (e *noRelayError) Unwrap() error { return netx.ErrNoDatagrams }

// ListenUDP has the proxy relay datagrams (UDP ASSOCIATE), whatever local is; [netx.ErrNoDatagrams] if it does not. The socket
// stays when the proxy is gone for a while. See [netx.Network].
func (n *Network) ListenUDP(ctx context.Context, _ netip.AddrPort) (netx.PacketConn, error) {
	if n.server.Scheme == HTTP {
		return nil, &noRelayError{n.server.String(), n.streams}
	}
	r := newRelay(n)
	ctx, cancel := context.WithTimeout(ctx, firstTime)
	defer cancel()
	a, err := n.associate(ctx)
	var none *noRelayError
	if errors.As(err, &none) {
		r.end()
		n.noteStreams(none.why)
		return nil, err
	}
	if err == nil {
		r.place.Put(a)
	}
	r.done.Go(func() { r.keep(a) })
	return r, nil
}

// association is what the proxy relays for us, for as long as the control connection stands.
type association struct {
	control *conn
	socket  netx.PacketConn
	reader  netx.BatchReader
	writer  netx.SegmentWriter
	at      netip.AddrPort // where the proxy takes datagrams
}

func (a *association) close() {
	_ = a.control.Close()
	_ = a.socket.Close()
}

// associate asks for a relay.
func (n *Network) associate(ctx context.Context) (*association, error) {
	if err := n.closed(); err != nil {
		return nil, err
	}
	c, err := n.enter(ctx)
	if err != nil {
		return nil, err
	}
	done := c.interruptible(ctx)
	var reply socks.Message
	err = n.contain(func() (err error) {
		reply, err = c.request(socks.Message{Code: socks.Associate})
		return err
	})
	if done() && err == nil {
		err = ctx.Err()
	}
	if err == nil && reply.Code != socks.Succeeded {
		err = &noRelayError{n.server.String(), reply.Code.String()}
	}
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	// The proxy may name any host as the relay, and might name one that it wants to have hit: only it itself is taken.
	at := netip.AddrPortFrom(netx.AddrPort(c.RemoteAddr()).Addr(), reply.Addr.Port)
	local := netip.IPv4Unspecified()
	if at.Addr().Is6() {
		local = netip.IPv6Unspecified()
	}
	socket, err := n.base.ListenUDP(ctx, netip.AddrPortFrom(local, 0))
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return &association{control: c, socket: socket, reader: netx.ReaderOf(socket), writer: netx.WriterOf(socket), at: at}, nil
}

// relay is a socket whose datagrams the proxy passes on. It is a [netx.BatchReader], a [netx.SegmentWriter] and a
// [netx.NameWriter].
type relay struct {
	n     *Network
	life  context.Context
	end   context.CancelFunc
	done  sync.WaitGroup
	place *reopen.Place[*association]
}

func newRelay(n *Network) *relay {
	r := &relay{n: n, place: reopen.New(func(a *association, t time.Time) error { return a.socket.SetReadDeadline(t) })}
	r.life, r.end = context.WithCancel(context.Background())
	return r
}

// keep sees to it that there is an association.
func (r *relay) keep(a *association) {
	for {
		if a != nil {
			r.use(a)
		}
		if r.life.Err() != nil {
			return
		}
		changed := netx.Changed(r.n)
		var err error
		if a, err = r.n.associate(r.life); err == nil {
			r.place.Put(a)
			continue
		}
		timer := time.NewTimer(again)
		select {
		case <-r.life.Done():
		case <-timer.C:
		case <-changed:
		}
		timer.Stop()
	}
}

// use waits until an association, or the relay, is over and closes it.
//
// RFC 1928: "A UDP association terminates when the TCP connection that the UDP ASSOCIATE request arrived on terminates."
func (r *relay) use(a *association) {
	stop := context.AfterFunc(r.life, a.close)
	_, _ = io.Copy(io.Discard, a.control.Conn)
	r.place.Put(nil)
	stop()
	a.close()
}

// ReadBatch reads what the proxy passes on. See [netx.BatchReader].
func (r *relay) ReadBatch(b []netx.Datagram) (read []netx.Datagram, err error) {
	had := len(b)
	read = b
	err = r.place.Use(func(a *association) (err error) {
		if read, err = a.reader.ReadBatch(b); err != nil {
			return err
		}
		kept := read[:had]
		for _, d := range read[had:] {
			if data, from, ok := r.open(a, d.Data, d.From); ok {
				kept = append(kept, netx.Datagram{Data: data, From: from})
			}
		}
		read = kept
		return nil
	})
	return read, err
}

// open is that of the association; a datagram over which it panics is dropped.
func (r *relay) open(a *association, b []byte, by netip.AddrPort) (data []byte, from netip.AddrPort, ok bool) {
	err := r.n.contain(func() error {
		data, from, ok = a.open(b, by)
		return nil
	})
	return data, from, ok && err == nil
}

// open takes the proxy's header off. What the proxy did not send, and what comes from no address, is dropped.
func (a *association) open(b []byte, by netip.AddrPort) (data []byte, from netip.AddrPort, ok bool) {
	if by != a.at {
		return nil, from, false
	}
	addr, data, err := socks.ParseDatagram(b)
	from = addr.AddrPort()
	return data, from, err == nil && from.IsValid()
}

// ReadFrom reads what the proxy passes on. See [netx.PacketConn].
func (r *relay) ReadFrom(p []byte) (n int, from netip.AddrPort, err error) {
	buf := make([]byte, len(p)+socks.MaxHeader)
	err = r.place.Use(func(a *association) error {
		for {
			size, by, err := a.socket.ReadFrom(buf)
			if err != nil {
				return err
			}
			if data, sender, ok := r.open(a, buf[:size], by); ok {
				n, from = copy(p, data), sender
				return nil
			}
		}
	})
	return n, from, err
}

// present is the association, if there is one.
func (r *relay) present() (*association, error) {
	a, err := r.place.Now()
	if err == nil && a == nil {
		if err = netx.NoWay(r.n); err == nil {
			err = &netx.NoWayError{Via: r.n.server.String(), Problem: "has not opened a relay for datagrams"}
		}
	}
	return a, err
}

// headers are the memory in which a header is put before its datagram.
var headers = sync.Pool{New: func() any { return new([]byte) }}

func (r *relay) send(p []byte, to socks.Addr, write func(a *association, b []byte) error) error {
	a, err := r.present()
	if err != nil {
		return err
	}
	buf := headers.Get().(*[]byte)
	defer headers.Put(buf)
	b, err := socks.AppendHeader((*buf)[:0], to)
	if err != nil {
		return err
	}
	b = append(b, p...)
	*buf = b
	return write(a, b)
}

func plain(a *association, b []byte) error {
	_, err := a.socket.WriteTo(b, a.at)
	return err
}

// WriteTo sends a datagram through the proxy. See [netx.PacketConn].
func (r *relay) WriteTo(p []byte, to netip.AddrPort) (int, error) {
	return len(p), r.send(p, socks.AddrOf(to), plain)
}

// WriteToName sends a datagram to a host whose name the proxy looks up. See [netx.NameWriter].
func (r *relay) WriteToName(p []byte, host string, port uint16) (int, error) {
	if !isHost(host) {
		return 0, fmt.Errorf("send to %q: not a host name", host)
	}
	return len(p), r.send(p, socks.Addr{Name: host, Port: port}, plain)
}

// WriteSegments sends datagrams through the proxy, each with its own header. See [netx.SegmentWriter].
func (r *relay) WriteSegments(p []byte, size int, to netip.AddrPort, f netx.Fragmentation) (err error) {
	for seg := range slices.Chunk(p, size) {
		e := r.send(seg, socks.AddrOf(to), func(a *association, b []byte) error {
			return a.writer.WriteSegments(b, len(b), a.at, f)
		})
		if e != nil {
			err = e
		}
	}
	return err
}

// LocalAddr is the wildcard: both families can be sent to, and nobody knows where the proxy has us answered.
func (r *relay) LocalAddr() netip.AddrPort { return netip.AddrPortFrom(netip.IPv6Unspecified(), 0) }

// SetReadDeadline is that of [netx.PacketConn].
func (r *relay) SetReadDeadline(t time.Time) error { return r.place.SetReadDeadline(t) }

// Close ends the relay.
func (r *relay) Close() error {
	if _, err := r.place.Close(); err != nil {
		return err
	}
	r.end()
	r.done.Wait()
	return nil
}
