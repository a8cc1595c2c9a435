// Package lab builds networks on one machine for a test: hosts, switches, routers that translate addresses, and long lossy
// lines. A host is a network namespace, and the programs of a test run in it as if it were a machine:
//
//	l := lab.New(t)
//	home, net := l.Segment("home"), l.Segment("net")
//	anna, router, bert := l.Host("anna"), l.Host("router"), l.Host("bert")
//	anna.Join(home, netip.MustParsePrefix("192.168.1.2/24"))
//	router.Join(home, netip.MustParsePrefix("192.168.1.1/24"))
//	router.Join(net, netip.MustParsePrefix("20.1.0.1/8"))
//	bert.Join(net, netip.MustParsePrefix("20.2.0.1/8"))
//	anna.Gateway(netip.MustParseAddr("192.168.1.1"))
//	router.NAT(home, net, lab.FullCone)
//	cmd := anna.Command(t.Context(), "potluck", "get", link)
//
// The namespaces hang on descriptors of the test binary, which itself runs in those of package netns: when it ends,
// however it ends, the hosts, their programs and all between them are gone. Whatever the addresses, no packet leaves the
// machine. A test whose network cannot be made is skipped and says what is missing; a network that can be made and does
// not obey fails it.
package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/potluck-p2p/potluck/test/netns"
)

// Lab is a network that lasts as long as the test.
type Lab struct{ t testing.TB }

// New makes an empty network, or skips the test and says why there can be none.
func New(t testing.TB) *Lab {
	t.Helper()
	netns.Need(t)
	if lacking := missing(); lacking != "" {
		t.Skip("no lab: " + lacking)
	}
	return &Lab{t}
}

// Segment is a switch: those that join it hear each other.
type Segment struct {
	name string
	// bridge is the namespace that holds the bridge, which is called br.
	bridge *Host
	cables int
}

// Segment makes a switch. The name, of at most 15 letters, is that of the interface in each host that joins it.
func (l *Lab) Segment(name string) *Segment {
	l.t.Helper()
	s := &Segment{name: name, bridge: l.Host(name)}
	// A switch says nothing itself.
	s.bridge.set("ipv6/conf/all/disable_ipv6", "1")
	s.bridge.set("ipv6/conf/default/disable_ipv6", "1")
	s.bridge.ip("link add name br type bridge stp_state 0 forward_delay 0 mcast_snooping 0", "link set dev br up")
	return s
}

// missing says what a lab lacks on this machine, "" if nothing.
var missing = sync.OnceValue(func() string {
	for command, pkg := range map[string]string{"ip": "iproute2", "nft": "nftables", "nsenter": "util-linux"} {
		if program(command) == "" {
			return command + " (Debian package " + pkg + ")"
		}
	}
	ns, err := newSpace()
	if err != nil {
		return fmt.Sprintf("rights to make network namespaces: %v", err)
	}
	defer ns.Close()
	err = inSpace(ns, func() error {
		if err := os.WriteFile(forwarding, []byte("1"), 0); err != nil {
			return err
		}
		tap, err := openTap("probe")
		return errors.Join(err, tap.Close())
	})
	if err != nil {
		return err.Error()
	}
	return ""
})

// program finds a command that may stand where only root looks for it, "" if it is not installed.
func program(name string) string {
	for _, path := range []string{name, "/usr/sbin/" + name, "/sbin/" + name} {
		if found, err := exec.LookPath(path); err == nil {
			return found
		}
	}
	return ""
}

// newSpace makes a network namespace that lasts as long as the file is open, or a program runs in it.
func newSpace() (*os.File, error) {
	var space *os.File
	err := elsewhere(func() (err error) {
		if err = unix.Unshare(unix.CLONE_NEWNET); err == nil {
			space, err = os.Open(ownSpace)
		}
		return err
	})
	return space, err
}

// inSpace runs f on a thread that is in a network namespace. What f opens stays there; goroutines that it starts do not.
func inSpace(space *os.File, f func() error) error {
	return elsewhere(func() error {
		if err := unix.Setns(int(space.Fd()), unix.CLONE_NEWNET); err != nil {
			return err
		}
		return f()
	})
}
