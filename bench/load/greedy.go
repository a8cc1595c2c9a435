package main

import (
	"encoding/binary"
	"io"
	"net"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// The ways to be a burden, each as far as the protocol allows it. Each goes on until the other side has enough.
var burdens = []func(p *conn) error{deaf, sip, halfBlock, halfMessage, hoard, halfHandshake}

// greedy is one of them, in turn.
func greedy(p *conn, number int) error { return burdens[number%len(burdens)](p) }

// whereGreedy is the object that one of the greedy is about, if the other side lacks the first so many.
func whereGreedy(number int, objects []object, lacking int) object {
	const sendsBlocks = 2 // halfBlock
	kind, turn := number%len(burdens), number/len(burdens)
	switch {
	case lacking == 0:
		return objects[number%len(objects)]
	case kind == sendsBlocks:
		return objects[turn%lacking]
	default:
		return objects[lacking+number%(len(objects)-lacking)]
	}
}

// everything asks for all of the object that fits into the number of requests that others commonly bear.
func (p *conn) everything() {
	p.sayNone()
	p.out = peer.AppendInterested(p.out)
	const common = 500
	for i := range common {
		at := int64(i) * block % p.object.length
		index, begin := at/p.object.piece, at%p.object.piece
		n := min(block, p.object.sizeOf(int(index))-begin)
		p.out = peer.AppendRequest(p.out, uint32(index), uint32(begin), uint32(n))
	}
}

// deaf asks for everything and reads nothing. Having been choked it would have to ask again, so it does so all the time.
func deaf(p *conn) error {
	for {
		p.everything()
		if err := p.flush(); err != nil {
			return err
		}
		time.Sleep(time.Second)
	}
}

// sip asks for everything and reads a little now and then.
func sip(p *conn) error {
	p.everything()
	var little [1 << 10]byte
	for beat := 0; ; beat++ {
		if err := p.flush(); err != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
		if _, err := p.Conn.Read(little[:]); err != nil {
			return err
		}
		if beat%10 == 9 {
			p.everything()
		}
	}
}

// halfBlock says that it has everything, and sends of each of its first requests half an answer at most.
func halfBlock(p *conn) error {
	p.sayAll()
	p.out = peer.AppendUnchoke(p.out)
	stopped := false
	return p.each(initial, func(m peer.Message) error {
		if m.Type == peer.Request && !stopped {
			stopped = true
			p.out = peer.AppendPieceHeader(p.out, m.Index, m.Begin, m.Length)
			p.out = append(p.out, make([]byte, m.Length/2)...)
		}
		return nil
	}, p.flush)
}

// halfMessage announces a message as long as others commonly bear, and sends all of it but the end.
func halfMessage(p *conn) error {
	p.sayNone()
	const size = 64 << 10
	p.out = binary.BigEndian.AppendUint32(p.out, size+1)
	p.out = append(p.out, byte(peer.Extended), peer.ExtHandshakeID)
	p.out = append(p.out, make([]byte, size-2)...)
	if err := p.flush(); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, p.Conn)
	return err
}

// hoard asks for hashes and metadata without end, and reads nothing.
func hoard(p *conn) error {
	p.sayNone()
	for {
		for range 500 {
			p.out = peer.AppendMetadata(p.out, 1, peer.MetadataMessage{})
			if p.v2 {
				p.out = peer.AppendHashRequest(p.out, peer.HashRequest{Length: 512})
			}
		}
		if err := p.flush(); err != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// halfHandshake says nothing more, and opens another connection that stays in the middle of its handshake.
func halfHandshake(p *conn) error {
	source := &net.TCPAddr{IP: p.LocalAddr().(*net.TCPAddr).IP}
	second, err := (&net.Dialer{LocalAddr: source}).Dial("tcp", p.RemoteAddr().String())
	if err != nil {
		return err
	}
	defer second.Close()
	hello := peer.AppendHandshake(nil, peer.Handshake{InfoHash: p.object.hash})
	if _, err := second.Write(hello[:peer.InfoHashEnd]); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, p.Conn)
	return err
}
