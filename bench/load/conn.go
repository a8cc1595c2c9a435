package main

import (
	"net"
	"slices"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

const (
	// block is what is asked for at once (BEP 3: "All current implementations use 2^14 (16 kiB)").
	block = 16 << 10
	// initial is the buffer of a connection on which little happens, large that of one on which content flows.
	initial, large = 4 << 10, 256 << 10
)

// conn is one peer's connection: what has come and was not looked at yet, and what is to be sent next.
type conn struct {
	net.Conn
	crowd   *crowd
	object  object
	fast    bool // both know BEP 6
	v2      bool // and BEP 52
	parser  peer.Parser
	buf, in []byte // in is a part of buf
	out     []byte
}

// flush sends what is to be sent.
func (p *conn) flush() error {
	if len(p.out) == 0 {
		return nil
	}
	_, err := p.Write(p.out)
	p.out = p.out[:0]
	return err
}

// read waits for more, into a buffer of at least a size.
func (p *conn) read(size int) error {
	if len(p.buf) < size {
		p.buf = make([]byte, size)
	}
	p.in = p.buf[:copy(p.buf, p.in)]
	n, err := p.Conn.Read(p.buf[len(p.in):])
	p.in = p.buf[:len(p.in)+n]
	return err
}

// each calls do with each message of what comes, until the connection ends or do says so. Whenever all that has come was looked
// at, it calls caughtUp, and reads on. The content of blocks is passed over.
func (p *conn) each(size int, do func(peer.Message) error, caughtUp func() error) error {
	skip := 0
	for {
		for {
			passed := min(skip, len(p.in))
			p.in, skip = p.in[passed:], skip-passed
			m, n, err := p.parser.Next(p.in)
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
			p.in = p.in[n:]
			if m.Type == peer.Piece {
				skip = int(m.Length)
			}
			if err := do(m); err != nil {
				return err
			}
		}
		if err := caughtUp(); err != nil {
			return err
		}
		if err := p.read(max(size, p.parser.Need(p.in))); err != nil {
			return err
		}
	}
}

// sayNone says that we have nothing.
func (p *conn) sayNone() {
	if p.fast {
		// BEP 6: exactly one of Have All, Have None or Bitfield follows the handshake.
		p.out = slices.Concat(peer.AppendHaveNone(nil), p.out)
	}
}

// sayAll says that we have everything.
func (p *conn) sayAll() {
	said := peer.AppendHaveAll(nil)
	if !p.fast {
		said = peer.AppendBitfield(nil, p.object.all())
	}
	p.out = slices.Concat(said, p.out)
}
