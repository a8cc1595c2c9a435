package lab

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Host is a machine of the lab, with the addresses of loopback and those it is given.
type Host struct {
	t     testing.TB
	name  string
	space *os.File
	// routes are those that go lost with an interface and come back with it.
	routes []string
}

// Host makes a machine. The name, of at most 15 letters, is only for messages and for the port of the switch.
func (l *Lab) Host(name string) *Host {
	l.t.Helper()
	space, err := newSpace()
	if err != nil {
		l.t.Fatalf("%s: %v", name, err)
	}
	l.t.Cleanup(func() { space.Close() })
	h := &Host{t: l.t, name: name, space: space}
	// An address is there at once: there is nobody to find out whether another has it.
	for _, setting := range []string{"all/accept_dad", "default/accept_dad"} {
		h.set("ipv6/conf/"+setting, "0")
	}
	h.set("ipv6/conf/all/keep_addr_on_down", "1")
	h.ip("link set dev lo up")
	return h
}

// Name is how the host was called.
func (h *Host) Name() string { return h.name }

// Join plugs a cable into a switch: an interface called like it, with these addresses, and their networks as neighbours.
func (h *Host) Join(s *Segment, addrs ...netip.Prefix) {
	h.t.Helper()
	h.ip(fmt.Sprintf("link add name %s type veth peer name %s netns %s", s.name, h.name, s.bridge.path()))
	s.bridge.ip(fmt.Sprintf("link set dev %s master br up", h.name))
	lines := make([]string, 0, len(addrs)+1)
	for _, a := range addrs {
		lines = append(lines, fmt.Sprintf("addr add %v dev %s", a, s.name))
	}
	h.ip(append(lines, fmt.Sprintf("link set dev %s up", s.name))...)
}

// Route sends packets for dst by way of a router.
func (h *Host) Route(dst netip.Prefix, via netip.Addr) {
	h.t.Helper()
	route := fmt.Sprintf("route replace %v via %v", dst, via)
	h.ip(route)
	h.routes = append(h.routes, route)
}

// Gateway sends packets for everywhere by way of a router.
func (h *Host) Gateway(via netip.Addr) {
	h.t.Helper()
	everywhere := netip.IPv4Unspecified()
	if via.Is6() {
		everywhere = netip.IPv6Unspecified()
	}
	h.Route(netip.PrefixFrom(everywhere, 0), via)
}

// Down takes the interface that is plugged into s down. The interface keeps its addresses, and loses its routes.
func (h *Host) Down(s *Segment) {
	h.t.Helper()
	h.ip(fmt.Sprintf("link set dev %s down", s.name))
}

// Up brings an interface and the host's routes back.
func (h *Host) Up(s *Segment) {
	h.t.Helper()
	h.ip(append([]string{fmt.Sprintf("link set dev %s up", s.name)}, h.routes...)...)
}

// Leave takes the interface away altogether, as a VPN's that ends.
func (h *Host) Leave(s *Segment) {
	h.t.Helper()
	h.ip("link delete dev " + s.name)
}

// Command is exec.CommandContext for a program that runs on this host. It shares everything but the network with the test.
func (h *Host) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, program("nsenter"), append([]string{"--net=" + h.path(), "--", name}, args...)...)
}

// Do runs f on this host: sockets that it opens are the host's for good. Goroutines that f starts are not on the host.
func (h *Host) Do(f func() error) error { return inSpace(h.space, f) }

// Listen is net.Listen on this host.
func (h *Host) Listen(network, address string) (l net.Listener, err error) {
	err = h.Do(func() error { l, err = net.Listen(network, address); return err })
	return l, err
}

// ListenPacket is net.ListenPacket on this host.
func (h *Host) ListenPacket(network, address string) (c net.PacketConn, err error) {
	err = h.Do(func() error { c, err = net.ListenPacket(network, address); return err })
	return c, err
}

// Dial connects to an address, not a name, from this host.
func (h *Host) Dial(ctx context.Context, network, address string) (c net.Conn, err error) {
	err = h.Do(func() error { c, err = new(net.Dialer).DialContext(ctx, network, address); return err })
	return c, err
}

// path names the namespace to other programs.
func (h *Host) path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), h.space.Fd()) }

// ip gives lines to ip on this host.
func (h *Host) ip(lines ...string) {
	h.t.Helper()
	h.obey(strings.Join(lines, "\n")+"\n", "ip", "-batch", "-")
}

// obey runs a program that configures the host.
func (h *Host) obey(stdin, name string, args ...string) {
	h.t.Helper()
	cmd := h.Command(context.Background(), program(name), args...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		h.t.Fatalf("%s: %s: %v\n%s%s", h.name, name, err, stdin, out)
	}
}

// set writes a setting of the host's network, as in ipv4/ip_forward.
func (h *Host) set(name, value string) {
	h.t.Helper()
	if err := h.Do(func() error { return os.WriteFile("/proc/sys/net/"+name, []byte(value), 0) }); err != nil {
		h.t.Fatalf("%s: %v", h.name, err)
	}
}

const (
	ownSpace   = "/proc/thread-self/ns/net"
	forwarding = "/proc/sys/net/ipv4/ip_forward"
)

// elsewhere runs f on a thread that may leave its network namespace, and brings the thread back.
func elsewhere(f func() error) error {
	runtime.LockOSThread()
	home, err := os.Open(ownSpace)
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer home.Close()
	defer func() {
		// A thread that cannot come back stays locked, and dies with its goroutine.
		if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
	}()
	return f()
}
