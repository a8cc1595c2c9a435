package swarm

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/scheduler"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// crowd is a swarm of 10,000 pieces with peers that have nothing, and unchoke us.
func crowd(b *testing.B, peers int) (*Swarm, []PeerID) {
	const pieces = 10_000
	// Hashes of v1 are not looked at here, so none are made.
	draft := metainfo.Draft{
		Name: "big", Format: metainfo.FormatV1, PieceLength: 16 * block, V1Pieces: make([]byte, 20*pieces),
		Files: []metainfo.DraftFile{{Components: []string{"big"}, Size: pieces * 16 * block}},
	}
	info, err := metainfo.ParseInfo(draft.Encode())
	if err != nil {
		b.Fatal(err)
	}
	l := torrent.New(info)
	s := New(epoch, Config{InfoHash: info.Hash, MaxPeers: peers, Rand: rand.New(rand.NewPCG(1, 2)), Wake: func() {}})
	s.Open(epoch, Content{Info: info, Layout: l, Hashes: torrent.NewHashes(info, l, nil), Verified: content.NewBitmap(pieces)})
	var ids []PeerID
	for k := range peers {
		id := join(b, s, epoch, byte(k))
		tell(b, s, epoch, id, wire.Message{Type: wire.Unchoke})
		ids = append(ids, id)
	}
	return s, ids
}

// BenchmarkHaves is 200 peers that announce 10,000 pieces each, in batches of 20; the time is for one have.
func BenchmarkHaves(b *testing.B) {
	s, ids := crowd(b, 200)
	order := rand.New(rand.NewPCG(3, 4)).Perm(10_000)
	batch := make([]wire.Message, 20)
	var box Outbox
	now, at := epoch, 0
	for i := 0; b.Loop(); i++ {
		if i%len(batch) > 0 {
			continue
		}
		k := i / len(batch)
		if k%len(ids) == 0 {
			now = now.Add(100 * time.Millisecond)
			at += len(batch)
		}
		for j := range batch {
			batch[j] = wire.Message{Type: wire.Have, Index: uint32(order[(at+j)%len(order)])}
		}
		id := ids[k%len(ids)]
		tell(b, s, now, id, batch...)
		if err := s.Outbound(now, id, &box, 0); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBlocks is what one block costs that 200 peers send in turn, in batches of 16.
func BenchmarkBlocks(b *testing.B) {
	s, ids := crowd(b, 200)
	for _, id := range ids {
		tell(b, s, epoch, id, wire.Message{Type: wire.HaveAll})
	}
	var (
		box      Outbox
		arrivals []Arrival
		complete []int
		msgs     []wire.Message
		asked    []scheduler.Request
	)
	now := epoch
	for i := 0; b.Loop(); i++ {
		if i%16 > 0 {
			continue
		}
		id := ids[i/16%len(ids)]
		if i/16%len(ids) == 0 {
			now = now.Add(10 * time.Millisecond)
		}
		msgs = msgs[:0]
		asked = s.sched.AppendOutstanding(asked[:0], id)
		for _, r := range asked {
			if len(msgs) == 16 {
				break
			}
			msgs = append(msgs, wire.Message{Type: wire.Piece, Index: uint32(r.Unit), Begin: uint32(r.Block * block), Length: block})
		}
		var err error
		if arrivals, err = s.Receive(now, id, msgs, arrivals[:0]); err != nil {
			b.Fatal(err)
		}
		complete = s.Landed(now, id, arrivals, complete[:0])
		for _, piece := range complete {
			s.Checked(now, piece, torrent.Verdict{OK: true})
		}
		if s.sched.Done() {
			b.StopTimer()
			s, ids = crowd(b, 200)
			for _, id := range ids {
				tell(b, s, now, id, wire.Message{Type: wire.HaveAll})
			}
			b.StartTimer()
		} else if err := s.Outbound(now, id, &box, 0); err != nil {
			b.Fatal(err)
		}
	}
}
