package bittorrent

import (
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

func TestUnknownMessagesAreIgnored(t *testing.T) {
	c := begin(all, 10)
	for _, m := range []peer.Message{only(peer.KeepAlive), {Type: peer.Port, Index: 7}, {Type: peer.Unknown, Payload: []byte("x")}} {
		if e := hear(t, c, m); e.Kind != None {
			t.Errorf("%v: %+v", m.Type, e)
		}
	}
	if c.HasOut() || c.Backlog() != 0 {
		t.Error("answered")
	}
}

func TestTakeOutHandsOver(t *testing.T) {
	c := begin(all, 10)
	c.SetInterested(true)
	first := c.TakeOut(epoch, make([]byte, 0, 100))
	c.SetInterested(false)
	if parse(t, first)[0].Type != peer.Interested {
		t.Error("frames that were handed over have changed")
	}
	says(t, c, "not interested")
}

// fuzzed drives a conversation by bytes: messages of the peer, and decisions of ours between them.
type fuzzed struct {
	t     *testing.T
	c     *Conversation
	now   time.Time
	in    []byte
	open  map[Block]int // requests that the model holds for unanswered
	frame peer.Parser
}

const fuzzPieces = 40

func (f *fuzzed) byte() int {
	if len(f.in) == 0 {
		return 0
	}
	b := f.in[0]
	f.in = f.in[1:]
	return int(b)
}

func (f *fuzzed) block() Block { return blk(f.byte()%fuzzPieces, f.byte()%4) }

// step does one thing, and reports false when the conversation is over.
func (f *fuzzed) step() bool {
	c := f.c
	switch f.byte() % 16 {
	case 0:
		f.now = f.now.Add(time.Duration(f.byte()) * time.Second)
	case 1:
		if _, err := c.Tick(f.now); err != nil {
			return false
		}
	case 2:
		c.SetInterested(f.byte()%2 == 0)
	case 3:
		c.SetChoking(f.byte()%2 == 0)
	case 4:
		for range min(c.Room(), f.byte()) {
			b := f.block()
			c.Request(f.now, b)
			f.open[b]++
		}
	case 5:
		b := f.block()
		c.Cancel(b)
		f.close(b)
	case 6:
		if c.Snubbed(f.now) {
			c.DropRequests(f.now)
			clear(f.open)
		}
	case 7:
		c.TakeUploads(f.now, nil, f.byte()*1024)
	case 8:
		c.RequestMetadata(f.byte())
		if c.HashRoom() > 0 {
			c.RequestHashes(hashRange(f.byte()))
		}
	case 9:
		f.check(c.TakeOut(f.now, nil))
	case 10:
		if c.pieces < 0 {
			if _, err := c.Learn(fuzzPieces); err != nil {
				return false
			}
		}
	default:
		return f.receive()
	}
	return true
}

func (f *fuzzed) close(b Block) {
	if f.open[b]--; f.open[b] <= 0 {
		delete(f.open, b)
	}
}

// receive parses a message out of the bytes and plays the swarm that handles it.
func (f *fuzzed) receive() bool {
	m, n, err := f.frame.Next(f.in)
	if err != nil || n == 0 {
		return false
	}
	f.in = f.in[n:]
	c := f.c
	if m.Type == peer.Piece {
		b := Block{int(m.Index), int(m.Begin), int(m.Length)}
		if _, err := c.Arriving(f.now, b); err != nil {
			return false
		}
		f.close(b)
		c.Arrived(f.now, b.Length)
		return true
	}
	choked := c.PeerChoking()
	e, err := c.Receive(f.now, m)
	if err != nil {
		return false
	}
	switch e.Kind {
	case Choked:
		if choked {
			f.t.Error("choked twice")
		}
		if !c.cfg.Fast {
			clear(f.open)
		}
	case Rejected:
		f.close(e.Block)
	case Requested:
		c.Admit(e.Block)
	case Have, DontHave, AllowedFast:
		if e.Block.Piece < 0 || e.Block.Piece >= c.pieces {
			f.t.Errorf("event %d of piece %d", e.Kind, e.Block.Piece)
		}
	case MetadataRequested:
		c.SendMetadata(e.Block.Piece, 1<<20, make([]byte, peer.MetadataBlock))
	case HashesRequested:
		// The layout answers only what BEP 52 allows.
		if e.Hash.Length > 512 || e.Hash.ProofLayers > 32 {
			c.RejectHashes(e.Hash)
		} else {
			c.SendHashes(e.Hash, make([]metainfo.HashV2, e.Hash.Length))
		}
	}
	return true
}

// check takes apart what the conversation sends.
func (f *fuzzed) check(out []byte) { parse(f.t, out) }

func (f *fuzzed) invariants() {
	c := f.c
	pending := 0
	for _, n := range f.open {
		pending += n
	}
	switch {
	case c.Pending() != pending:
		f.t.Fatalf("%d pending, want %d", c.Pending(), pending)
	case c.Queued() > c.cfg.Reqq:
		f.t.Fatalf("%d queued of %d", c.Queued(), c.cfg.Reqq)
	case c.Room() < 0 || c.down.window < 1 || c.down.window > mostWindow:
		f.t.Fatalf("window %d, room %d", c.down.window, c.Room())
	case c.HashRoom() < 0 || len(c.ext.theirs.M) > maxExtensions:
		f.t.Fatalf("%d hash requests, %d names", len(c.hash.asked), len(c.ext.theirs.M))
	}
}

func FuzzConversation(f *testing.F) {
	greeting := peer.AppendExtHandshake([]byte{7, 3}, peer.ExtHandshake{M: map[string]uint8{peer.ExtMetadata: 2}, MetadataSize: 40000, Reqq: 50})
	talk := append([]byte{7, 3, 11}, greeting[2:]...)
	for _, frame := range [][]byte{
		peer.AppendBitfield(nil, []byte{0xff, 1, 2, 3, 4}), peer.AppendUnchoke(nil), peer.AppendInterested(nil),
		peer.AppendReject(nil, 1, 0, BlockSize), peer.AppendPieceHeader(nil, 0, 0, BlockSize), peer.AppendAllowedFast(nil, 3),
		peer.AppendChoke(nil), peer.AppendHashRequest(nil, hashRange(1)), peer.AppendRequest(nil, 1, 0, BlockSize),
		peer.AppendCancel(nil, 1, 0, BlockSize), peer.AppendHave(nil, 39), peer.AppendDontHave(nil, localDontHave, 3),
	} {
		talk = append(append(talk, 11), frame...)
		talk = append(talk, 4, 3, 0, 0, 1, 0, 1, 1, 9) // we ask for three blocks, and send
	}
	f.Add(talk)
	f.Add([]byte{0, 0, 11, 0, 0, 0, 1, 1, 4, 200, 0, 60, 6, 11, 0, 0, 0, 1, 0})
	f.Add([]byte{7, 0, 10, 4, 100, 0, 11, 6, 5, 0, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		x := &fuzzed{t: t, now: epoch, in: in, open: map[Block]int{}}
		bits := x.byte()
		pieces := fuzzPieces
		if x.byte()%2 == 1 {
			pieces = -1
		}
		x.c = New(epoch, Config{Fast: bits&1 != 0, Extended: bits&2 != 0, V2: bits&4 != 0, Reqq: 20}, pieces)
		have := content.NewBitmap(fuzzPieces)
		if pieces < 0 {
			x.c.SendHaveNothing()
		} else {
			x.c.SendHave(&have)
			x.c.AllowFast([]int{1, 2})
		}
		for len(x.in) > 0 && x.step() {
			x.invariants()
		}
		x.check(x.c.TakeOut(x.now, nil))
	})
}
