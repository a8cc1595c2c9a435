package tracker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	wire "github.com/potluck-p2p/potluck/internal/wire/tracker"
)

const (
	firstWait = 15 * time.Second
	// maxSends bounds the waiting to 15 + 30 + 60 s. BEP 15 would have us go on for two hours, but there are other
	// trackers to ask.
	maxSends = 3
	// connectionLife is how long a connection id is used.
	//
	// BEP 15: "A client can use a connection ID until one minute after it has received it."
	connectionLife = time.Minute
	maxConnections = 1000
	maxDatagram    = 65535
)

// udpClient asks over sockets that all announces share.
type udpClient struct {
	socks []netx.PacketConn
	wg    sync.WaitGroup

	mu          sync.Mutex
	rng         *rand.Rand
	calls       map[uint32]*call // by transaction
	connections map[netip.AddrPort]connection
}

// call is a request that waits for its answer.
type call struct {
	to     netip.AddrPort // the zero value: a name was asked, and whoever knows the transaction is who has it
	answer chan answer
}

type answer struct {
	bytes []byte
	from  netip.AddrPort
}

type connection struct {
	id      uint64
	expires time.Time
}

func newUDPClient(socks []netx.PacketConn, rng *rand.Rand) *udpClient {
	c := &udpClient{socks: socks, rng: rng, calls: map[uint32]*call{}, connections: map[netip.AddrPort]connection{}}
	for _, s := range socks {
		c.wg.Go(func() { c.receive(s) })
	}
	return c
}

func (c *udpClient) close() {
	for _, s := range c.socks {
		_ = s.Close()
	}
	c.wg.Wait()
}

// receive hands answers to those who wait for them until the socket is closed.
func (c *udpClient) receive(s netx.PacketConn) {
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := s.ReadFrom(buf)
		if err != nil {
			return
		}
		_, transaction, ok := wire.ParseHeader(buf[:n])
		if !ok {
			continue
		}
		c.mu.Lock()
		// An answer counts once, and only from where we asked.
		if w := c.calls[transaction]; w != nil && (w.to == from || !w.to.IsValid()) {
			delete(c.calls, transaction)
			w.answer <- answer{append([]byte(nil), buf[:n]...), from}
		}
		c.mu.Unlock()
	}
}

// announce asks the addresses of one tracker in turn until one answers.
//
// BEP 15: "If no response is received after 15 * 2 ^ n seconds, the client should retransmit the request".
func (c *udpClient) announce(ctx context.Context, addrs []netip.AddrPort, a *wire.Announce, path string) (*wire.Response, netip.AddrPort, error) {
	for n := range maxSends {
		addr := addrs[n%len(addrs)]
		r, err := c.try(ctx, addr, firstWait<<n, a, path)
		if !errors.Is(err, ErrNoAnswer) {
			return r, addr, err
		}
	}
	return nil, netip.AddrPort{}, ErrNoAnswer
}

// try makes one announce, with a connect before it if need be.
func (c *udpClient) try(ctx context.Context, addr netip.AddrPort, wait time.Duration, a *wire.Announce, path string) (*wire.Response, error) {
	id, known := c.connection(addr)
	if !known {
		var err error
		if id, err = c.connect(ctx, addr, wait); err != nil {
			return nil, err
		}
	}
	r, err := c.request(ctx, addr, wait, a, path, id)
	var failure *wire.Failure
	if known && errors.As(err, &failure) {
		// The tracker may have been restarted and know the connection no more.
		if id, err = c.connect(ctx, addr, wait); err != nil {
			return nil, err
		}
		return c.request(ctx, addr, wait, a, path, id)
	}
	return r, err
}

func (c *udpClient) request(ctx context.Context, addr netip.AddrPort, wait time.Duration, a *wire.Announce, path string, id uint64) (*wire.Response, error) {
	b, err := c.exchange(ctx, addr, wait, func(transaction uint32) []byte {
		return a.AppendUDP(nil, id, transaction, path)
	})
	if err != nil {
		return nil, err
	}
	return wire.ParseAnnounce(b, addr.Addr().Is6())
}

// connect gets a connection id.
func (c *udpClient) connect(ctx context.Context, addr netip.AddrPort, wait time.Duration) (uint64, error) {
	b, err := c.exchange(ctx, addr, wait, func(transaction uint32) []byte {
		return wire.AppendConnect(nil, transaction)
	})
	if err != nil {
		return 0, err
	}
	return c.connected(b, addr)
}

// meet finds out who has a name that a proxy looks up: whoever answers a connect request for it. The others take it from there.
func (c *udpClient) meet(ctx context.Context, host string, port uint16) (netip.AddrPort, error) {
	if len(c.socks) == 0 {
		return netip.AddrPort{}, netx.ErrNoDatagrams
	}
	for n := range maxSends {
		a, err := c.ask(ctx, netip.AddrPort{}, firstWait<<n, func(transaction uint32) error {
			_, err := netx.WriteToName(c.socks[0], wire.AppendConnect(nil, transaction), host, port)
			return err
		})
		if errors.Is(err, ErrNoAnswer) {
			continue
		}
		if err == nil {
			_, err = c.connected(a.bytes, a.from)
		}
		return a.from, err
	}
	return netip.AddrPort{}, ErrNoAnswer
}

// connected keeps the connection id that a tracker gave.
func (c *udpClient) connected(b []byte, addr netip.AddrPort) (uint64, error) {
	id, err := wire.ParseConnect(b)
	if err != nil {
		return 0, err
	}
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.connections) >= maxConnections {
		for k, old := range c.connections {
			if !old.expires.After(now) || len(c.connections) >= maxConnections {
				delete(c.connections, k)
			}
		}
	}
	c.connections[addr] = connection{id, now.Add(connectionLife)}
	return id, nil
}

func (c *udpClient) connection(addr netip.AddrPort) (uint64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	conn, ok := c.connections[addr]
	if ok && !conn.expires.After(time.Now()) {
		delete(c.connections, addr)
		ok = false
	}
	return conn.id, ok
}

// exchange sends one request and waits for its answer.
func (c *udpClient) exchange(ctx context.Context, addr netip.AddrPort, wait time.Duration, packet func(transaction uint32) []byte) ([]byte, error) {
	sock, err := c.sock(addr)
	if err != nil {
		return nil, err
	}
	a, err := c.ask(ctx, addr, wait, func(transaction uint32) error {
		_, err := sock.WriteTo(packet(transaction), addr)
		return err
	})
	return a.bytes, err
}

// ask has one request sent and waits for its answer.
func (c *udpClient) ask(ctx context.Context, to netip.AddrPort, wait time.Duration, send func(transaction uint32) error) (answer, error) {
	w := &call{to: to, answer: make(chan answer, 1)}
	c.mu.Lock()
	transaction := c.rng.Uint32()
	for c.calls[transaction] != nil {
		transaction = c.rng.Uint32()
	}
	c.calls[transaction] = w
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.calls, transaction)
	}()
	if err := send(transaction); err != nil {
		return answer{}, err
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case a := <-w.answer:
		return a, nil
	case <-timer.C:
		return answer{}, ErrNoAnswer
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
}

func (c *udpClient) sock(addr netip.AddrPort) (netx.PacketConn, error) {
	if len(c.socks) == 0 {
		return nil, netx.ErrNoDatagrams
	}
	for _, s := range c.socks {
		if netx.Carries(s.LocalAddr().Addr(), addr.Addr()) {
			return s, nil
		}
	}
	return nil, fmt.Errorf("no UDP socket for %v: %w", addr.Addr(), netx.ErrFamily)
}
