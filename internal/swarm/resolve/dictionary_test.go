package resolve

import (
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// raw is taken for an info dictionary of ten pieces, the last of them short.
var raw = func() []byte {
	b := make([]byte, 9*wire.MetadataBlock+100)
	for i := range b {
		b[i] = byte(i * i >> 7)
	}
	return b
}()

func dictionary() *Dictionary {
	hash := metainfo.HashV1(sha1.Sum(raw))
	return &Dictionary{Hash: metainfo.NewInfoHash(&hash, nil)}
}

// holders say that they have raw.
func holders(ids ...PeerID) []Holder {
	list := make([]Holder, len(ids))
	for i, id := range ids {
		list[i] = Holder{id, len(raw)}
	}
	return list
}

func data(piece int) []byte {
	begin := piece * wire.MetadataBlock
	return raw[begin:min(begin+wire.MetadataBlock, len(raw))]
}

// asked sums up requests: each peer with its first piece and the last.
func asked(asks []Ask) string {
	var peers []PeerID
	of := map[PeerID][]int{}
	for _, a := range asks {
		if of[a.Peer] == nil {
			peers = append(peers, a.Peer)
		}
		of[a.Peer] = append(of[a.Peer], a.Piece)
	}
	s := ""
	for _, p := range peers {
		s += fmt.Sprintf("%d:%d-%d ", p, slices.Min(of[p]), slices.Max(of[p]))
	}
	return s
}

func TestDictionary(t *testing.T) {
	d := dictionary()
	all := slices.Values(holders(1, 2, 3, 4))
	if got := asked(d.Next(epoch, all)); got != "1:0-7 2:0-7 3:0-7 " {
		t.Fatal(got)
	}
	if got := d.Next(epoch, all); got != nil {
		t.Fatalf("asked twice: %v", got)
	}
	for piece := range 10 {
		got, err := d.Arrived(epoch, 2, piece, data(piece))
		if err != nil || (got != nil) != (piece == 9) {
			t.Fatalf("piece %d: %d bytes, %v", piece, len(got), err)
		}
		if piece == 9 && !slices.Equal(got, raw) {
			t.Error("other bytes")
		}
		// Every answer makes room for a request, as long as there is something to ask for.
		want := map[int]string{0: "2:8-8 ", 1: "2:9-9 "}[piece]
		if got := asked(d.Next(epoch, all)); got != want {
			t.Errorf("after piece %d: %q", piece, got)
		}
	}
	if got, err := d.Arrived(epoch, 1, 0, data(0)); got != nil || err != nil {
		t.Errorf("after the end: %d bytes, %v", len(got), err)
	}
}

func TestDictionaryLiars(t *testing.T) {
	var lie wire.ProtocolError
	d := dictionary()
	one := slices.Values([]Holder{{1, wire.MetadataBlock}})
	d.Next(epoch, one)
	if _, err := d.Arrived(epoch, 1, 0, make([]byte, wire.MetadataBlock)); !errors.As(err, &lie) {
		t.Errorf("other bytes: %v", err)
	}
	if d.of(1) != nil {
		t.Error("the attempt goes on")
	}
	d.Next(epoch, one)
	if _, err := d.Arrived(epoch, 1, 0, make([]byte, 9)); !errors.As(err, &lie) {
		t.Errorf("a short piece: %v", err)
	}
	d.Next(epoch, one)
	for _, piece := range []int{-1, 1, 1 << 30} {
		if got, err := d.Arrived(epoch, 1, piece, nil); got != nil || err != nil {
			t.Errorf("piece %d: %v", piece, err)
		}
	}
}

// TestDictionaryTurns: who fails in any way gives way to others, and has another turn later.
func TestDictionaryTurns(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fail  func(d *Dictionary, now time.Time)
		after time.Duration // others are asked
		again time.Duration // and it again, if it is alone
	}{
		{"rejects", func(d *Dictionary, now time.Time) { d.Rejected(now, 1) }, 0, rejectedFor},
		{"silent", func(*Dictionary, time.Time) {}, Patience, Patience},
		{"left", func(d *Dictionary, _ time.Time) { d.Left(1) }, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := dictionary()
			d.Next(epoch, slices.Values(holders(1)))
			tt.fail(d, epoch)
			for at := time.Duration(0); ; at += time.Second {
				d.Expire(epoch.Add(at))
				if asks := d.Next(epoch.Add(at), slices.Values(holders(1))); len(asks) > 0 {
					if at != tt.again {
						t.Errorf("asked again after %v", at)
					}
					break
				}
			}
			d = dictionary()
			d.Next(epoch, slices.Values(holders(1, 2, 3)))
			tt.fail(d, epoch)
			d.Expire(epoch.Add(tt.after))
			asks := d.Next(epoch.Add(tt.after), slices.Values(holders(2, 3, 4, 5, 6)))
			if len(asks) == 0 || asks[0].Peer != 4 {
				t.Errorf("%v", asked(asks))
			}
		})
	}
}

// TestDictionaryDropByDrop: each turn of the same peer is longer, so that the slowest gets it at last.
func TestDictionaryDropByDrop(t *testing.T) {
	d := dictionary()
	alone := slices.Values(holders(1))
	now := epoch
	for try := range 9 {
		begun := now
		if len(d.Next(now, alone)) == 0 {
			t.Fatal("no turn")
		}
		for piece := 0; d.of(1) != nil; piece = (piece + 1) % 9 { // never the last one
			if now = now.Add(10 * time.Second); d.of(1) != nil {
				_, _ = d.Arrived(now, 1, piece, data(piece))
			}
			d.Expire(now)
		}
		if got, want := now.Sub(begun), Turn<<min(try, maxDouble); got != want {
			t.Errorf("turn %d took %v, want %v", try, got, want)
		}
	}
}

// TestDictionaryLatePiece: an answer to a request of an earlier attempt counts, once, and is not asked for again.
func TestDictionaryLatePiece(t *testing.T) {
	d := dictionary()
	alone := slices.Values(holders(1))
	d.Next(epoch, alone)
	d.Expire(epoch.Add(Patience))
	d.Next(epoch.Add(Patience), alone)
	for range 3 {
		if got, err := d.Arrived(epoch, 1, 9, data(9)); got != nil || err != nil {
			t.Fatal(got, err)
		}
	}
	var end []byte
	for piece := range 9 {
		got, err := d.Arrived(epoch, 1, piece, data(piece))
		if err != nil {
			t.Fatal(err)
		}
		end = got
		for _, a := range d.Next(epoch, alone) {
			if a.Piece == 9 {
				t.Error("asked for again")
			}
		}
	}
	if !slices.Equal(end, raw) {
		t.Error("not complete")
	}
}

func TestIsInfo(t *testing.T) {
	v1, v2 := metainfo.HashV1(sha1.Sum(raw)), metainfo.HashV2(sha256.Sum256(raw))
	for _, tt := range []struct {
		v1   *metainfo.HashV1
		v2   *metainfo.HashV2
		want bool
	}{
		{&v1, nil, true},
		{nil, &v2, true},
		{&v1, &v2, true},
		{&v1, &metainfo.HashV2{1}, false},
		{&metainfo.HashV1{1}, &v2, false},
	} {
		if got := isInfo(metainfo.NewInfoHash(tt.v1, tt.v2), raw); got != tt.want {
			t.Errorf("%v, %v: %v", tt.v1, tt.v2, got)
		}
	}
}
