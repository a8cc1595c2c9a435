package bench

import (
	"context"
	"net/netip"
	"os/exec"
	"testing"

	"github.com/potluck-p2p/potluck/test/lab"
)

// port is where everybody listens; TCP to it is refused, so that nobody speaks TCP in secret.
const port = 6881

const noTCP = `table inet utp {
	chain output {
		type filter hook output priority filter;
		tcp dport 6881 reject with tcp reset
	}
}`

// Place is an address on a machine; without a host the one on which everything runs.
type Place struct {
	Host *lab.Host
	Addr netip.AddrPort
}

// command is the command that runs a program there.
func (p Place) command(name string, args ...string) *exec.Cmd {
	if p.Host != nil {
		return p.Host.Command(context.Background(), name, args...)
	}
	return exec.Command(name, args...)
}

// Loopback is two addresses of one machine.
func Loopback(t testing.TB) (from, to Place) {
	t.Helper()
	l := lab.New(t)
	s, h := l.Segment("lan"), l.Host("machine")
	one, two := netip.MustParsePrefix("192.168.1.1/24"), netip.MustParsePrefix("192.168.1.2/24")
	h.Join(s, one, two)
	h.Rules(noTCP)
	return Place{h, netip.AddrPortFrom(one.Addr(), port)}, Place{h, netip.AddrPortFrom(two.Addr(), port)}
}

// Apart is two machines of the internet with a line between them.
func Apart(t testing.TB, q lab.Line) (from, to Place, cable *lab.Cable) {
	t.Helper()
	l := lab.New(t)
	west, east := l.Segment("west"), l.Segment("east")
	place := func(name string, s *lab.Segment, addr netip.Prefix) Place {
		h := l.Host(name)
		h.Join(s, addr)
		h.Rules(noTCP)
		return Place{h, netip.AddrPortFrom(addr.Addr(), port)}
	}
	from = place("anna", west, netip.MustParsePrefix("20.1.0.1/8"))
	to = place("bert", east, netip.MustParsePrefix("20.2.0.1/8"))
	return from, to, l.Line(west, east, q)
}
