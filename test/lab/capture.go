package lab

import (
	"encoding/binary"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Packet is one frame that passed an interface.
type Packet struct {
	Iface string
	// Time is when the kernel saw it.
	Time time.Time
	// Out is set if the host sent it.
	Out bool
	// Data begins with the Ethernet header (on loopback too, with zeros for addresses). What is sent in one go may be one large
	// packet here that the card, if there were one, would cut.
	Data []byte
}

// Capture records what passes the interfaces of a host, loopback among them.
type Capture struct {
	t      testing.TB
	host   *Host
	socket *os.File
	done   chan struct{}

	mu      sync.Mutex
	packets []Packet
	names   map[int]string
}

// Capture begins to record all packets that the host sends and receives. A capture that missed some fails the test.
func (h *Host) Capture(t testing.TB) *Capture {
	t.Helper()
	c := &Capture{t: t, host: h, done: make(chan struct{}), names: map[int]string{}}
	err := h.Do(func() error {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, int(everything))
		if err != nil {
			return err
		}
		c.socket = os.NewFile(uintptr(fd), "capture")
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20); err != nil {
			return err
		}
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	})
	if err != nil {
		t.Fatalf("capture on %s: %v", h.name, err)
	}
	go c.run()
	t.Cleanup(c.Stop)
	return c
}

// everything is ETH_P_ALL in the byte order of the network.
var everything = binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ALL))

// Packets are those recorded so far, in order.
func (c *Capture) Packets() []Packet {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.packets[:len(c.packets):len(c.packets)]
}

// Stop ends the recording. It is stopped with the test if not before.
func (c *Capture) Stop() {
	select {
	case <-c.done:
		return
	default:
	}
	if raw, err := c.socket.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			if s, err := unix.GetsockoptTpacketStats(int(fd), unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil && s.Drops > 0 {
				c.t.Errorf("the capture on %s missed %d packets", c.host.name, s.Drops)
			}
		})
	}
	c.socket.Close()
	<-c.done
}

// run records until the socket is closed.
func (c *Capture) run() {
	defer close(c.done)
	raw, err := c.socket.SyscallConn()
	if err != nil {
		return
	}
	data, control := make([]byte, 1<<17), make([]byte, 128)
	for {
		var n, more int
		var from unix.Sockaddr
		var failed error
		err := raw.Read(func(fd uintptr) bool {
			n, more, _, from, failed = unix.Recvmsg(int(fd), data, control, 0)
			return failed != unix.EAGAIN && failed != unix.EINTR
		})
		if err != nil {
			return
		}
		if link, ok := from.(*unix.SockaddrLinklayer); ok && failed == nil {
			c.add(link, kernelTime(control[:more]), append([]byte(nil), data[:n]...))
		}
	}
}

func (c *Capture) add(link *unix.SockaddrLinklayer, at time.Time, data []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := Packet{Iface: c.name(link.Ifindex), Time: at, Out: link.Pkttype == unix.PACKET_OUTGOING, Data: data}
	c.packets = append(c.packets, p)
}

// name is the interface's, as it was called when it was first heard of.
func (c *Capture) name(index int) string {
	if _, ok := c.names[index]; !ok {
		_ = c.host.Do(func() error {
			i, err := net.InterfaceByIndex(index)
			if err == nil {
				c.names[index] = i.Name
			}
			return err
		})
	}
	return c.names[index]
}

// kernelTime is the time stamp that came with a packet.
func kernelTime(control []byte) time.Time {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return time.Time{}
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPNS && len(m.Data) >= 16 {
			return time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:])))
		}
	}
	return time.Time{}
}
