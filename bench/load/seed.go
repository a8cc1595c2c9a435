package main

import (
	"errors"
	"net"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// batch is how many blocks are sent at once at most.
const batch = 64

var errBeyond = errors.New("asked for what is not there")

// seed has everything, serves everybody at once, and answers every request.
func seed(p *conn, content []byte) error {
	p.sayAll()
	p.out = peer.AppendUnchoke(p.out)
	s := sending{conn: p, content: content, heads: make([]byte, 0, batch*peer.PieceHeaderSize)}
	return p.each(large/4, s.answer, s.caughtUp)
}

// sending are blocks to be sent at once, straight out of the content.
type sending struct {
	*conn
	content []byte
	heads   []byte // of all of them, for which there is always room
	parts   net.Buffers
}

func (s *sending) answer(m peer.Message) error {
	switch m.Type {
	case peer.Request:
		at := int64(m.Index)*s.object.piece + int64(m.Begin)
		if at+int64(m.Length) > int64(len(s.content)) {
			return errBeyond
		}
		from := len(s.heads)
		s.heads = peer.AppendPieceHeader(s.heads, m.Index, m.Begin, m.Length)
		s.parts = append(s.parts, s.heads[from:], s.content[at:at+int64(m.Length)])
		if len(s.heads) == cap(s.heads) {
			return s.send()
		}
	case peer.HashRequested:
		s.out = peer.AppendHashReject(s.out, m.Hash)
	}
	return nil
}

func (s *sending) caughtUp() error {
	if err := s.flush(); err != nil {
		return err
	}
	return s.send()
}

// send sends the blocks that are waiting.
func (s *sending) send() error {
	if len(s.parts) == 0 {
		return nil
	}
	parts := s.parts
	n, err := parts.WriteTo(s.Conn)
	s.crowd.sent.Add(max(n-int64(len(s.heads)), 0))
	s.heads, s.parts = s.heads[:0], s.parts[:0]
	return err
}
