package netx

import (
	"net/netip"
	"slices"
)

// Datagram is one of a batch.
type Datagram struct {
	Data []byte
	From netip.AddrPort
}

// BatchReader is a [PacketConn] that reads many datagrams in one call of the system.
type BatchReader interface {
	// ReadBatch waits for datagrams and appends all that are there, within its bounds, to b. Their bytes are valid until the
	// next call. Only one goroutine may call it, and after the first call nobody may call ReadFrom: the system may have put
	// several datagrams into what that reads.
	ReadBatch(b []Datagram) ([]Datagram, error)
}

// Fragmentation says whether datagrams may be cut into pieces on their way, as IP allows.
type Fragmentation uint8

const (
	// Whole datagrams arrive as they are or not at all, which is how the MTU of a path is found. Where the system cannot
	// forbid it, they may be cut all the same.
	Whole Fragmentation = iota
	// Fragmentable ones may be cut, by us or by a router.
	Fragmentable
)

// What WriteSegments takes in one call.
const (
	MaxSegmentBytes = 65507 // the largest UDP payload over IPv4
	MaxSegments     = 64    // what every Linux that has UDP_SEGMENT takes
)

// SegmentWriter is a [PacketConn] that sends many datagrams of one size in one call of the system.
type SegmentWriter interface {
	// WriteSegments sends p as datagrams of size bytes each, of which the last may be shorter, within [MaxSegmentBytes] and
	// [MaxSegments]. What cannot be sent is lost, as underway; the error is that of the last one.
	WriteSegments(p []byte, size int, to netip.AddrPort, f Fragmentation) error
}

// maxDatagram is the largest UDP payload there is.
const maxDatagram = 65535

// ReaderOf reads batches from any socket: of one datagram where it can do no more.
func ReaderOf(conn PacketConn) BatchReader {
	if r, ok := conn.(BatchReader); ok {
		return r
	}
	return &singleReader{conn: conn, buf: make([]byte, maxDatagram)}
}

type singleReader struct {
	conn PacketConn
	buf  []byte
}

func (r *singleReader) ReadBatch(b []Datagram) ([]Datagram, error) {
	n, from, err := r.conn.ReadFrom(r.buf)
	if err != nil {
		return b, err
	}
	return append(b, Datagram{r.buf[:n], from}), nil
}

// WriterOf sends segments by any socket: one after the other where it can do no better.
func WriterOf(conn PacketConn) SegmentWriter {
	if w, ok := conn.(SegmentWriter); ok {
		return w
	}
	return singleWriter{conn}
}

type singleWriter struct{ conn PacketConn }

func (w singleWriter) WriteSegments(p []byte, size int, to netip.AddrPort, _ Fragmentation) (err error) {
	for seg := range slices.Chunk(p, size) {
		if _, e := w.conn.WriteTo(seg, to); e != nil {
			err = e
		}
	}
	return err
}
