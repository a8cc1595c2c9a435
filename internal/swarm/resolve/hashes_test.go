package resolve

import (
	"bytes"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// layered is an object of three files with piece layers, of one run of hashes each but for the first, which has two, and
// those who know them all.
type layered struct {
	info   *metainfo.Info
	layout *torrent.Layout
	full   *torrent.Hashes
	bytes  []byte // of the first file
}

const pieceLength = 2 * torrent.BlockSize

func makeLayered(t *testing.T) *layered {
	t.Helper()
	draft := metainfo.Draft{Name: "layered", Dir: true, Format: metainfo.FormatV2, PieceLength: pieceLength}
	var scan []torrent.ScanFile
	x := &layered{}
	for i, pieces := range []int{600, 3, 5} {
		b := bytes.Repeat([]byte{byte(i), 1, 2}, pieces*pieceLength/3)
		if i == 0 {
			x.bytes = b
		}
		draft.Files = append(draft.Files, metainfo.DraftFile{Components: []string{string(rune('a' + i))}, Size: int64(len(b))})
		scan = append(scan, torrent.ScanFile{Size: int64(len(b)), Open: func() (io.ReaderAt, io.Closer, error) {
			return bytes.NewReader(b), io.NopCloser(nil), nil
		}})
	}
	r, err := torrent.Scan(t.Context(), scan, torrent.ScanOptions{Format: draft.Format, PieceLength: pieceLength, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	for i, root := range r.Roots {
		draft.Files[i].Root = root
	}
	if x.info, err = metainfo.ParseInfo(draft.Encode()); err != nil {
		t.Fatal(err)
	}
	x.layout = torrent.New(x.info)
	x.full = torrent.NewHashes(x.info, x.layout, r.Layers)
	return x
}

// blank knows no layers yet.
func (x *layered) blank() *Hashes { return NewHashes(torrent.NewHashes(x.info, x.layout, nil)) }

// has is what somebody has who has these pieces; none stands for all.
func (x *layered) has(pieces ...int) *content.Bitmap {
	m := content.NewBitmap(x.layout.Pieces())
	if len(pieces) == 0 {
		m.SetAll()
	}
	for _, i := range pieces {
		m.Set(i)
	}
	return &m
}

func (x *layered) answer(t *testing.T, r torrent.HashRequest) []metainfo.HashV2 {
	t.Helper()
	list, _, ok := x.full.Serve(nil, r)
	if !ok {
		t.Fatalf("%+v has no answer", r)
	}
	return list
}

func TestLayers(t *testing.T) {
	x := makeLayered(t)
	h := x.blank()
	if h.Layered() || !h.Lacking() {
		t.Fatal("known from nothing")
	}
	if got := h.Next(epoch, 1, x.has(), 0); len(got) != 0 {
		t.Errorf("%d asked of one who has no room", len(got))
	}
	none := content.NewBitmap(x.layout.Pieces())
	if got := h.Next(epoch, 1, &none, 9); len(got) != 0 {
		t.Errorf("%d asked of one who has nothing", len(got))
	}
	second := h.Next(epoch, 1, x.has(599), 9) // a piece of the second run of the first file
	if len(second) != 1 || second[0].Index == 0 {
		t.Fatalf("%+v", second)
	}
	rest := h.Next(epoch, 2, x.has(), 2)
	if len(rest) != 2 || slices.Contains(rest, second[0]) {
		t.Fatalf("%+v", rest)
	}
	rest = append(rest, h.Next(epoch, 3, x.has(), 9)...)
	if len(rest) != 3 {
		t.Fatalf("%d runs", len(rest))
	}
	for i, r := range append(rest, second...) {
		if h.Layered() {
			t.Fatalf("all is known after %d", i)
		}
		if err := h.Arrived(9, r, x.answer(t, r)); err != nil {
			t.Fatal(err)
		}
	}
	if !h.Layered() || h.Lacking() || len(h.Next(epoch, 3, x.has(), 9)) != 0 || len(h.asked) != 0 {
		t.Error("something is left")
	}
}

// TestNextPeer: who fails in any way gives way to others at once, and is asked again when nobody else is there.
func TestNextPeer(t *testing.T) {
	x := makeLayered(t)
	for _, tt := range []struct {
		name  string
		fail  func(h *Hashes, r torrent.HashRequest)
		after time.Duration
		again time.Duration
	}{
		{"rejects", func(h *Hashes, r torrent.HashRequest) { h.Failed(1, r) }, 0, HashRetry},
		{"lies", func(h *Hashes, r torrent.HashRequest) {
			list := x.answer(t, r)
			list[3][7]++
			if h.Arrived(1, r, list) == nil {
				t.Error("a lie is believed")
			}
		}, 0, HashRetry},
		{"silent", func(*Hashes, torrent.HashRequest) {}, HashPatience, HashRetry},
		{"left", func(h *Hashes, _ torrent.HashRequest) { h.Left(1) }, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := x.blank()
			r := h.Next(epoch, 1, x.has(), 1)[0]
			tt.fail(h, r)
			if h.Expire(epoch.Add(tt.after)) != (tt.after > 0) {
				t.Error("expiry")
			}
			if got := h.Next(epoch.Add(tt.after), 2, x.has(), 1); len(got) != 1 || got[0] != r {
				t.Errorf("%+v asked of the next", got)
			}
			h.Left(2)
			early := tt.again > 0 && slices.Contains(h.Next(epoch.Add(tt.again-1), 1, x.has(), 9), r)
			if early {
				t.Error("asked again too early")
			}
			h.asked[r].sent = epoch // as if the second had not been asked
			if got := h.Next(epoch.Add(tt.again), 1, x.has(), 9); !slices.Contains(got, r) {
				t.Errorf("%+v asked again", got)
			}
		})
	}
}

// TestAttemptsAreForgotten: what nobody wants any more is not kept.
func TestAttemptsAreForgotten(t *testing.T) {
	h := makeLayered(t).blank()
	r := torrent.HashRequest{Index: 1}
	h.asked[r] = &hashAsk{peer: 7, sent: epoch}
	h.Failed(8, r) // it was not the one who was asked
	if h.Expire(epoch.Add(HashPatience - 1)) {
		t.Error("given up too early")
	}
	if !h.Expire(epoch.Add(HashPatience)) || h.asked[r].peer != 0 || len(h.asked[r].tried) != 1 {
		t.Errorf("%+v", h.asked[r])
	}
	if h.Expire(epoch.Add(hashForget)) || len(h.asked) != 0 {
		t.Error("kept")
	}
}

// TestLeaves: those of a piece that failed are asked for before all else, once, until they came or the piece passed.
func TestLeaves(t *testing.T) {
	x := makeLayered(t)
	h := NewHashes(x.full)
	if h.Lacking() {
		t.Fatal("something is lacking")
	}
	h.WantLeaves(4)
	h.WantLeaves(4)
	h.WantLeaves(5)
	if got := h.Next(epoch, 1, x.has(5), 9); len(got) != 1 {
		t.Fatalf("%+v asked of one who has one of the pieces", got)
	}
	got := h.Next(epoch, 1, x.has(), 9)
	if len(got) != 1 {
		t.Fatalf("%+v", got)
	}
	leaves := torrent.AppendLeafHashes(nil, x.bytes[4*pieceLength:5*pieceLength])
	if err := h.Arrived(1, got[0], leaves); err != nil {
		t.Fatal(err)
	}
	if h.WantLeaves(4); !slices.Equal(h.leaves, []int{5}) {
		t.Errorf("wanted: %v", h.leaves)
	}
	if h.Passed(5); h.Lacking() {
		t.Error("kept")
	}
	h.WantLeaves(x.layout.Pieces()) // there is no such piece
	if h.Lacking() {
		t.Error("leaves of no piece")
	}
}
