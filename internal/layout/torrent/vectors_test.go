package torrent

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

type vector struct {
	Format      string            `json:"format"`
	PieceLength int64             `json:"piece_length"`
	Sizes       []int64           `json:"sizes"`
	Info        string            `json:"info"`
	Roots       []string          `json:"roots"`
	Layers      map[string]string `json:"layers"`
}

func readVectors(t *testing.T) (vectors []vector) {
	t.Helper()
	b, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &vectors); err != nil {
		t.Fatal(err)
	}
	return vectors
}

func (v vector) name() string { return fmt.Sprintf("%s/%d/%v", v.Format, v.PieceLength, v.Sizes) }

// What we compute for a torrent must be what libtorrent computes, and what libtorrent made must check.
func TestScanAgreesWithLibtorrent(t *testing.T) {
	for _, v := range readVectors(t) {
		t.Run(v.name(), func(t *testing.T) {
			raw, err := hex.DecodeString(v.Info)
			if err != nil {
				t.Fatal(err)
			}
			info, err := metainfo.ParseInfo(raw)
			if err != nil {
				t.Fatal(err)
			}
			if len(info.Files) != len(v.Sizes) {
				t.Fatalf("%d files, want %d", len(info.Files), len(v.Sizes))
			}
			for i, f := range info.Files {
				if f.Size != v.Sizes[i] {
					t.Fatalf("libtorrent has the files in another order")
				}
			}
			format, _ := metainfo.ParseFormat(v.Format)
			o := share(t, format, v.PieceLength, contents(v.Sizes))
			if !bytes.Equal(o.scan.V1Pieces, info.V1Pieces) {
				t.Errorf("v1 pieces\n got %x\nwant %x", o.scan.V1Pieces, info.V1Pieces)
			}
			for i, want := range v.Roots {
				if got := o.scan.Roots[i].String(); got != want && v.Sizes[i] > 0 {
					t.Errorf("root of file %d is %s, want %s", i, got, want)
				}
			}
			if len(o.scan.Layers) != len(v.Layers) {
				t.Errorf("%d piece layers, want %d", len(o.scan.Layers), len(v.Layers))
			}
			for root, layer := range o.scan.Layers {
				var b []byte
				for _, h := range layer {
					b = append(b, h[:]...)
				}
				if hex.EncodeToString(b) != v.Layers[root.String()] {
					t.Errorf("wrong piece layer of %s", root)
				}
			}
			o.info = info
			o.layout = New(info)
			o.hashes = NewHashes(info, o.layout, o.scan.Layers)
			if !o.hashes.HasLayers() {
				t.Error("piece layers were refused")
			}
			checkAll(t, o)
		})
	}
}

// checkAll checks every piece of o, good and with one bit wrong.
func checkAll(t *testing.T, o *object) {
	t.Helper()
	for i := range o.layout.Pieces() {
		b := o.needed(i)
		if len(b) != o.layout.Need(i) {
			t.Fatalf("piece %d: %d bytes, want %d", i, len(b), o.layout.Need(i))
		}
		if v := o.hashes.Check(i, b); !v.OK {
			t.Fatalf("piece %d of %d does not check: %+v", i, o.layout.Pieces(), v)
		}
		wrong := bytes.Clone(b)
		wrong[len(wrong)/2] ^= 1
		if v := o.hashes.Check(i, wrong); v.OK || v.Unknown || len(v.Leaves) != o.layout.Blocks(i) {
			t.Fatalf("piece %d checks though it is wrong: %+v", i, v)
		}
		if v := o.hashes.Check(i, b[1:]); v.OK {
			t.Fatalf("piece %d checks though it is short", i)
		}
	}
}

type exchange struct {
	PieceLength int64    `json:"piece_length"`
	Sizes       []int64  `json:"sizes"`
	Roots       []string `json:"roots"`
	Asked       []struct {
		File   int    `json:"file"`
		Base   uint32 `json:"base"`
		Index  uint32 `json:"index"`
		Length uint32 `json:"length"`
		Proof  uint32 `json:"proof"`
		Hashes int    `json:"hashes"`
		Digest string `json:"digest"`
	} `json:"asked"`
}

// A hash request is answered with the very bytes that libtorrent answers it with.
func TestServeAgreesWithLibtorrent(t *testing.T) {
	b, err := os.ReadFile("testdata/exchange.json")
	if err != nil {
		t.Fatal(err)
	}
	var x exchange
	if err := json.Unmarshal(b, &x); err != nil {
		t.Fatal(err)
	}
	o := share(t, metainfo.FormatV2, x.PieceLength, contents(x.Sizes))
	for i, root := range x.Roots {
		if o.scan.Roots[i].String() != root {
			t.Fatalf("root of file %d is not that of libtorrent", i)
		}
	}
	for _, a := range x.Asked {
		req := HashRequest{o.scan.Roots[a.File], a.Base, a.Index, a.Length, a.Proof}
		got := o.answer(req)
		if a.Hashes < 0 {
			if got != nil {
				t.Errorf("%+v: answered with %d hashes, want a rejection", a, len(got))
			}
			continue
		}
		sum := sha256.New()
		for _, h := range got {
			sum.Write(h[:])
		}
		if len(got) != a.Hashes || hex.EncodeToString(sum.Sum(nil)) != a.Digest {
			t.Errorf("%+v: answered with %d hashes that differ", a, len(got))
		}
	}
}
