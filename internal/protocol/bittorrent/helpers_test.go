package bittorrent

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// epoch is when the tests begin.
var epoch = time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)

func after(d time.Duration) time.Time { return epoch.Add(d) }

// all has every extension.
var all = Config{Fast: true, Extended: true, V2: true, Reqq: 100}

// begin makes a conversation and throws its greeting away.
func begin(cfg Config, pieces int) *Conversation {
	c := New(epoch, cfg, pieces)
	c.TakeOut(epoch, nil)
	return c
}

// parse takes frames apart.
func parse(t testing.TB, b []byte) (list []peer.Message) {
	t.Helper()
	var p peer.Parser
	for len(b) > 0 {
		m, n, err := p.Next(b)
		if err != nil || n == 0 {
			t.Fatalf("we sent %.100x: %d, %v", b, n, err)
		}
		list, b = append(list, m), b[n:]
	}
	return list
}

// says checks what the conversation wants to send, one string a message.
func says(t *testing.T, c *Conversation, want ...string) {
	t.Helper()
	var got []string
	for _, m := range parse(t, c.TakeOut(epoch, nil)) {
		switch m.Type {
		case peer.Request, peer.Cancel, peer.Reject:
			got = append(got, fmt.Sprintf("%v %d+%d", m.Type, m.Index, m.Begin/BlockSize))
		case peer.Have, peer.AllowedFast, peer.Suggest:
			got = append(got, fmt.Sprintf("%v %d", m.Type, m.Index))
		case peer.Bitfield:
			got = append(got, fmt.Sprintf("%v %x", m.Type, m.Payload))
		case peer.Extended:
			got = append(got, fmt.Sprintf("%v %d", m.Type, m.Payload[0]))
		default:
			got = append(got, m.Type.String())
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("sent %q, want %q", got, want)
	}
}

// hear gives the conversation a message that must be right.
func hear(t *testing.T, c *Conversation, m peer.Message) Event {
	t.Helper()
	return hearAt(t, c, epoch, m)
}

func hearAt(t *testing.T, c *Conversation, now time.Time, m peer.Message) Event {
	t.Helper()
	e, err := c.Receive(now, m)
	if err != nil {
		t.Fatalf("%v: %v", m.Type, err)
	}
	return e
}

// refuses gives the conversation a message that must end it.
func refuses(t *testing.T, c *Conversation, m peer.Message) {
	t.Helper()
	var blame peer.ProtocolError
	if e, err := c.Receive(epoch, m); !errors.As(err, &blame) {
		t.Errorf("%v: event %+v, error %v", m.Type, e, err)
	}
}

// blk is a whole block.
func blk(piece, n int) Block { return Block{piece, n * BlockSize, BlockSize} }

func about(t peer.Type, b Block) peer.Message {
	return peer.Message{Type: t, Index: uint32(b.Piece), Begin: uint32(b.Begin), Length: uint32(b.Length)}
}

func only(t peer.Type) peer.Message { return peer.Message{Type: t} }
