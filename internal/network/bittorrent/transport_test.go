package bittorrent

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/protocol/mse"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// utpTo stands for uTP: what is dialled by it comes out at one address, whatever TCP makes of the one that was asked for.
type utpTo struct {
	host  *netxtest.Host
	to    netip.AddrPort
	dials atomic.Int32
}

func (u *utpTo) Dial(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
	u.dials.Add(1)
	if !u.to.IsValid() {
		return nil, &net.OpError{Op: "dial", Net: "utp", Err: syscall.ETIMEDOUT}
	}
	conn, err := u.host.DialTCP(ctx, u.to)
	if err != nil {
		return nil, err
	}
	return datagrams{conn, remote}, nil
}

// datagrams is a connection whose other end is an address of UDP.
type datagrams struct {
	net.Conn
	remote netip.AddrPort
}

func (d datagrams) RemoteAddr() net.Addr { return net.UDPAddrFromAddrPort(d.remote) }

// Whom TCP does not reach is dialled over uTP, and whom nothing reaches is dialled no more often for that: three times in all.
func TestTransports(t *testing.T) {
	for _, tt := range []struct {
		name       string
		encryption mse.Policy
		tcp        string // what becomes of it: refused, lost, mute
		utp        bool   // it gets through
		overTCP    int    // dials
		overUTP    int
	}{
		{"refused", mse.Prefer, "refused", true, 1, 1},
		{"refused, both ways encrypted", mse.Require, "refused", true, 1, 1},
		{"lost", mse.Off, "lost", true, 1, 1},
		{"mute", mse.Prefer, "mute", false, 3, 0},
		{"mute, and always plain", mse.Off, "mute", true, 2, 1},
		{"dead", mse.Prefer, "refused", false, 2, 1},
		{"dead and lost", mse.Off, "lost", false, 2, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := makeSample(t, "v1", 16<<10, 100_000)
				w := netxtest.NewWorld(1)
				seed := newRig(t, w, "10.0.0.1", s, options{has: true, encryption: tt.encryption})
				u := &utpTo{host: w.Host("10.0.0.3")}
				if tt.utp {
					u.to = seed.addr
				}
				r := newRig(t, w, "10.0.0.2", s, options{encryption: tt.encryption, utp: u})
				if tt.tcp != "lost" {
					behind := w.Host("10.0.0.9")
					if tt.tcp == "mute" {
						l, err := behind.ListenTCP(t.Context(), netip.MustParseAddrPort("10.0.0.9:9000"))
						if err != nil {
							t.Fatal(err)
						}
						defer l.Close()
						go func() {
							for {
								conn, err := l.Accept()
								if err != nil {
									return
								}
								conn.Close()
							}
						}()
					}
				}
				r.object.Swarm.Found(swarm.FromDHT, netip.MustParseAddrPort("10.0.0.9:9000"))
				if tt.utp {
					r.fetched(s)
				} else {
					time.Sleep(30 * time.Minute) // then it has one more try
				}
				if n := len(r.host.Dials()); n != tt.overTCP {
					t.Errorf("%d dials over TCP, want %d", n, tt.overTCP)
				}
				if n := int(u.dials.Load()); n != tt.overUTP {
					t.Errorf("%d dials over uTP, want %d", n, tt.overUTP)
				}
			})
		})
	}
}
