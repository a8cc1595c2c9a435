package metainfo

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/potluck-p2p/potluck/internal/wire/bencode"
)

// fill makes the bytes of a test file, by the rule of testdata/make_vectors.py.
func fill(name string, size int64) []byte {
	seed := 0
	for _, c := range []byte(name) {
		seed += int(c)
	}
	seed = seed%251 + 1
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i*seed + i/251)
	}
	return b
}

// fileLayers hashes a file the plain way: the root of its hash tree, and its piece layer if it has more than one piece.
func fileLayers(data []byte, pieceLength int64) (root HashV2, layer []HashV2) {
	if len(data) == 0 {
		return HashV2{}, nil
	}
	var level []HashV2
	for rest := data; len(rest) > 0; rest = rest[min(BlockSize, len(rest)):] {
		level = append(level, sha256.Sum256(rest[:min(BlockSize, len(rest))]))
	}
	count := int(pieces(int64(len(data)), pieceLength))
	var zero HashV2
	for width := int64(BlockSize); len(level) > 1 || width < pieceLength && count > 1; width *= 2 {
		if width == pieceLength && count > 1 {
			layer = append(layer, level...)
		}
		if len(level)%2 == 1 {
			level = append(level, zero)
		}
		next := make([]HashV2, 0, len(level)/2)
		for i := 0; i < len(level); i += 2 {
			next = append(next, parent(level[i], level[i+1]))
		}
		level, zero = next, parent(zero, zero)
	}
	return level[0], layer
}

// draftOf makes the draft of files whose bytes fill makes, and the piece layers beside it.
func draftOf(d Draft) (Draft, map[HashV2][]HashV2) {
	layers := make(map[HashV2][]HashV2)
	var stream []byte
	for i := range d.Files {
		f := &d.Files[i]
		name := d.Name
		if d.Dir {
			name = path.Join(append([]string{name}, f.Components...)...)
		}
		data := fill(name, f.Size)
		if d.Format.HasV2() {
			var layer []HashV2
			if f.Root, layer = fileLayers(data, d.PieceLength); layer != nil {
				layers[f.Root] = layer
			}
		}
		stream = append(stream, data...)
		stream = append(stream, make([]byte, d.Format.Padding(len(d.Files), f.Size, d.PieceLength))...)
	}
	if d.Format.HasV1() {
		for len(stream) > 0 {
			n := min(int(d.PieceLength), len(stream))
			h := sha1.Sum(stream[:n])
			d.V1Pieces = append(d.V1Pieces, h[:]...)
			stream = stream[n:]
		}
	}
	return d, layers
}

// TestVectors holds what we read and what we write against .torrent files that other programs made.
func TestVectors(t *testing.T) {
	list, err := os.ReadFile("testdata/vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(list)) {
		name, hashes, _ := strings.Cut(strings.TrimSpace(line), " ")
		wantV1, wantV2, _ := strings.Cut(hashes, " ")
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile("testdata/" + name + ".torrent")
			if err != nil {
				t.Fatal(err)
			}
			tor, err := Parse(b)
			if err != nil {
				t.Fatal(err)
			}
			info := tor.Info
			if h, ok := info.Hash.V1(); ok != (wantV1 != "-") || ok && h.String() != wantV1 {
				t.Errorf("v1 info-hash is %v, want %s", h, wantV1)
			}
			if h, ok := info.Hash.V2(); ok != (wantV2 != "-") || ok && h.String() != wantV2 {
				t.Errorf("v2 info-hash is %v, want %s", h, wantV2)
			}
			case_ := name[strings.LastIndexByte(name, '-')+1:]
			lone := case_ == "single" || case_ == "small" || case_ == "exact"
			if info.Dir == lone {
				t.Errorf("Dir is %v", info.Dir)
			}

			d := Draft{Name: info.RawName(), Dir: info.Dir, Format: info.Format(), PieceLength: info.PieceLength, Private: info.Private}
			for i, p := range info.RawPaths() {
				d.Files = append(d.Files, DraftFile{Components: p, Size: info.Files[i].Size})
				if want := path.Join(p...); info.Files[i].Path.String() != want {
					t.Errorf("file %d is %q, want %q", i, info.Files[i].Path, want)
				}
			}
			d, layers := draftOf(d)
			for i, f := range d.Files {
				if info.Files[i].Root != f.Root {
					t.Errorf("root of %q is %v, want %v", f.Components, info.Files[i].Root, f.Root)
				}
			}
			if v, _ := bencode.Parse(info.Raw); v.Get("private").Kind() == bencode.None || info.Private {
				if got := d.Encode(); !bytes.Equal(got, info.Raw) {
					t.Errorf("encoded as\n%q, want\n%q", got, info.Raw)
				}
			} else if _, err := ParseInfo(d.Encode()); err != nil {
				// Transmission writes "private: 0", we do not.
				t.Error(err)
			}
			if len(layers) != len(tor.PieceLayers) {
				t.Errorf("%d piece layers, want %d", len(tor.PieceLayers), len(layers))
			}
			for root, layer := range layers {
				if LayerRoot(layer, info.PieceLength) != root {
					t.Errorf("layer of %v does not hash to it", root)
				}
			}
			if o := info.Object(); o.Name() != info.Name || o.IsDir() != info.Dir || len(o.Files()) != len(info.Files) {
				t.Errorf("object %v does not fit the torrent", o)
			}
		})
	}
}
