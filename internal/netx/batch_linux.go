package netx

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

const (
	// readMessages is how many messages one call reads. Each may be a whole train of datagrams, if the kernel puts them together.
	readMessages = 32
	// socketBuffer is what is asked for in the kernel; it grants what its own bounds allow.
	socketBuffer = 4 << 20
)

// udpSocket is a UDP socket of the system. It sends and receives by recvmmsg, sendmmsg, UDP_SEGMENT and UDP_GRO (udp(7)),
// where the kernel has them.
type udpSocket struct {
	*net.UDPConn
	batches *ipv4.PacketConn // of either family: only its batches are used
	reader  *batchReader

	// mu is held while sending, for whether datagrams may be cut is said of the socket and not of each.
	mu  sync.Mutex
	cut cutting
	oob []byte // the control message of the last train
	// unsegmented: the kernel has no UDP_SEGMENT (before 4.18), or the device does no checksums.
	unsegmented bool
}

// cutting is what the socket was last told about fragmentation.
type cutting uint8

const (
	cutByDefault cutting = iota // never by routers, by us where the path is known to be narrow
	cutNever
	cutAnywhere
)

func newUDPSocket(conn *net.UDPConn) PacketConn {
	u := &udpSocket{UDPConn: conn, batches: ipv4.NewPacketConn(conn)}
	u.control(func(fd int) {
		_, err := unix.GetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_SEGMENT)
		u.unsegmented = err != nil
	})
	return u
}

func (u *udpSocket) control(f func(fd int)) {
	if raw, err := u.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { f(int(fd)) })
	}
}

func (u *udpSocket) ReadFrom(p []byte) (int, netip.AddrPort, error) {
	n, from, err := u.ReadFromUDPAddrPort(p)
	return n, unmap(from), err
}

func (u *udpSocket) LocalAddr() netip.AddrPort { return AddrPort(u.UDPConn.LocalAddr()) }

func (u *udpSocket) WriteTo(p []byte, to netip.AddrPort) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.setCutting(cutByDefault)
	return u.WriteToUDPAddrPort(p, to)
}

// WriteSegments sends by UDP_SEGMENT, or by sendmmsg. See [SegmentWriter].
func (u *udpSocket) WriteSegments(p []byte, size int, to netip.AddrPort, f Fragmentation) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if f == Whole {
		u.setCutting(cutNever)
	} else {
		u.setCutting(cutAnywhere)
	}
	if len(p) <= size {
		_, err := u.WriteToUDPAddrPort(p, to)
		return err
	}
	if !u.unsegmented {
		u.oob = appendSegmentSize(u.oob[:0], uint16(size))
		_, _, err := u.WriteMsgUDPAddrPort(p, u.oob, to)
		switch {
		case errors.Is(err, syscall.EIO):
			u.unsegmented = true
		case errors.Is(err, syscall.EINVAL):
			// One is too large for the device; others may not be.
		default:
			return err
		}
	}
	return u.writeEach(p, size, to)
}

// writeEach sends the datagrams as separate messages.
func (u *udpSocket) writeEach(p []byte, size int, to netip.AddrPort) (err error) {
	addr := net.UDPAddrFromAddrPort(to)
	messages := make([]ipv4.Message, 0, MaxSegments)
	for seg := range slices.Chunk(p, size) {
		messages = append(messages, ipv4.Message{Buffers: [][]byte{seg}, Addr: addr})
	}
	for len(messages) > 0 {
		n, e := u.batches.WriteBatch(messages, 0)
		if e != nil {
			err = e
			n = max(n, 1) // that one is lost; the others may not be
		}
		messages = messages[n:]
	}
	return err
}

// setCutting tells the socket about fragmentation, for both families: one of IPv6 may carry both.
func (u *udpSocket) setCutting(c cutting) {
	if u.cut == c {
		return
	}
	u.cut = c
	mode := [...]int{cutByDefault: unix.IP_PMTUDISC_WANT, cutNever: unix.IP_PMTUDISC_PROBE, cutAnywhere: unix.IP_PMTUDISC_DONT}[c]
	u.control(func(fd int) {
		// A socket of the other family refuses, and does not need it.
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, mode)
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, mode)
	})
}

// ReadBatch reads by recvmmsg and UDP_GRO. See [BatchReader].
func (u *udpSocket) ReadBatch(b []Datagram) ([]Datagram, error) {
	if u.reader == nil {
		u.reader = newBatchReader(u)
	}
	return u.reader.read(b)
}

// batchReader is the memory that datagrams are read into.
type batchReader struct {
	socket   *udpSocket
	messages []ipv4.Message
}

func newBatchReader(u *udpSocket) *batchReader {
	_, _ = u.SetReadBuffer(socketBuffer), u.SetWriteBuffer(socketBuffer) // what the system allows
	u.control(func(fd int) {
		// Older kernels than 5.0 refuse, and hand over each datagram by itself.
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_GRO, 1)
	})
	r := &batchReader{socket: u, messages: make([]ipv4.Message, readMessages)}
	for i := range r.messages {
		r.messages[i] = ipv4.Message{Buffers: [][]byte{make([]byte, maxDatagram)}, OOB: make([]byte, unix.CmsgSpace(4))}
	}
	return r
}

func (r *batchReader) read(b []Datagram) ([]Datagram, error) {
	n, err := r.socket.batches.ReadBatch(r.messages, 0)
	if err != nil {
		return b, err
	}
	for i := range r.messages[:n] {
		m := &r.messages[i]
		from := AddrPort(m.Addr)
		data := m.Buffers[0][:m.N]
		size := groSize(m.OOB[:m.NN])
		m.Addr = nil
		if size == 0 || size >= len(data) {
			b = append(b, Datagram{data, from})
			continue
		}
		for part := range slices.Chunk(data, size) {
			b = append(b, Datagram{part, from})
		}
	}
	return b, nil
}

// appendSegmentSize appends the control message UDP_SEGMENT: how long each datagram of a train is (udp(7)).
func appendSegmentSize(oob []byte, size uint16) []byte {
	// A header is a length as wide as a pointer, a level and a type (cmsg(3)).
	if header := unix.CmsgLen(0); header == 16 {
		oob = binary.NativeEndian.AppendUint64(oob, uint64(unix.CmsgLen(2)))
	} else {
		oob = binary.NativeEndian.AppendUint32(oob, uint32(unix.CmsgLen(2)))
	}
	oob = binary.NativeEndian.AppendUint32(oob, unix.IPPROTO_UDP)
	oob = binary.NativeEndian.AppendUint32(oob, unix.UDP_SEGMENT)
	oob = binary.NativeEndian.AppendUint16(oob, size)
	return append(oob, make([]byte, unix.CmsgSpace(2)-unix.CmsgLen(2))...)
}

// groSize is what the control message UDP_GRO says: how long each datagram of a message is; 0 if it is only one.
func groSize(oob []byte) int {
	for len(oob) > 0 {
		h, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			return 0
		}
		// The kernel writes an int.
		if h.Level == unix.IPPROTO_UDP && h.Type == unix.UDP_GRO && len(data) >= 4 {
			return int(binary.NativeEndian.Uint32(data))
		}
		oob = rest
	}
	return 0
}
