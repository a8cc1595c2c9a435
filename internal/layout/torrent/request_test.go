package torrent

import (
	"errors"
	"iter"
	"maps"
	"slices"
	"testing"

	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// blank forgets the piece layers of an object, as one who got only its info dictionary.
func (o *object) blank() *Hashes { return NewHashes(o.info, o.layout, nil) }

func layeredSizes() []int64 {
	const piece = 32 * kib
	return []int64{20000, 0, 3 * piece, 3 * piece, 4*piece + 1, 512 * piece, 512*piece + 20000, 1299*piece + 7}
}

var layered = func() func(t testing.TB) *object {
	var made *object
	return func(t testing.TB) *object {
		if made == nil {
			made = share(t, metainfo.FormatV2, 32*kib, contents(layeredSizes()))
		}
		return made
	}
}()

func TestLayersFromPeers(t *testing.T) {
	o := layered(t)
	h := o.blank()
	if h.HasLayers() || h.Verifiable(1) || !h.Verifiable(0) {
		t.Fatal("layers are known from nothing")
	}
	if v := h.Check(1, o.needed(1)); !v.Unknown || v.OK {
		t.Errorf("verdict %+v without a hash", v)
	}
	var asked []HashRequest
	var first []int
	for req, p := range h.Missing() {
		asked = append(asked, req)
		first = append(first, p.First)
		if p.First >= p.End {
			t.Errorf("%+v brings no pieces", req)
		}
	}
	if len(asked) != 1+1+1+1+2+3 || !slices.IsSorted(first) {
		t.Fatalf("%d requests, for pieces from %v", len(asked), first)
	}
	// Answers come in any order.
	slices.Reverse(asked)
	for k, req := range asked {
		if h.HasLayers() {
			t.Fatalf("all is known after %d of %d", k, len(asked))
		}
		hashes := o.answer(req)
		if hashes == nil {
			t.Fatalf("%+v was rejected", req)
		}
		for range 2 {
			if err := h.Add(req, hashes); err != nil {
				t.Fatal(err)
			}
		}
		// What is known of a tree can be passed on at once.
		again, _, ok := h.Serve(nil, req)
		if !ok || !slices.Equal(again, hashes) {
			t.Errorf("%+v cannot be passed on", req)
		}
	}
	if !h.HasLayers() {
		t.Fatal("layers are missing")
	}
	for req := range h.Missing() {
		t.Errorf("%+v is still missing", req)
	}
	if !maps.EqualFunc(h.Layers(), o.scan.Layers, slices.Equal) {
		t.Error("layers differ")
	}
	if v := h.Check(1, o.needed(1)); !v.OK {
		t.Errorf("verdict %+v", v)
	}
}

// Files alike share their tree: asked for once, and good for both.
func TestIdenticalFiles(t *testing.T) {
	b := fileContent(0, 300*kib)
	o := share(t, metainfo.FormatHybrid, 64*kib, [][]byte{b, b, b[:5], b})
	h := o.blank()
	var asked []HashRequest
	for req := range h.Missing() {
		asked = append(asked, req)
	}
	if len(asked) != 1 {
		t.Fatalf("%d requests", len(asked))
	}
	if err := h.Add(asked[0], o.answer(asked[0])); err != nil {
		t.Fatal(err)
	}
	for i := range o.layout.Pieces() {
		if e, known := h.expect(i); !known || !e.v2 {
			t.Errorf("piece %d has no v2 hash", i)
		}
	}
	a, _ := h.LeafRequest(6)
	if err := h.Add(a, o.answer(a)); err != nil {
		t.Fatal(err)
	}
	wrong := o.needed(6)
	wrong[20*kib] ^= 1
	if v := h.Check(6, wrong); !slices.Equal(v.Bad, []int{1}) {
		t.Errorf("verdict %+v", v)
	}
}

func TestLeaves(t *testing.T) {
	o := share(t, metainfo.FormatV2, 64*kib, contents([]int64{150 * kib, 40 * kib, 10}))
	tests := []struct {
		piece  int
		length uint32 // 0: no request
		bad    []int
	}{
		{0, 4, []int{0, 2}}, {1, 4, []int{3}}, {2, 4, []int{1}}, {3, 4, []int{2}}, {4, 0, []int{0}},
	}
	for _, tt := range tests {
		good := o.needed(tt.piece)
		wrong := slices.Clone(good)
		for _, b := range tt.bad {
			wrong[b*BlockSize] ^= 0x80
		}
		req, ok := o.hashes.LeafRequest(tt.piece)
		if ok != (tt.length > 0) || req.Length != tt.length {
			t.Fatalf("piece %d: request %+v", tt.piece, req)
		}
		if !ok {
			if v := o.hashes.Check(tt.piece, wrong); !slices.Equal(v.Bad, tt.bad) {
				t.Errorf("piece %d: %+v", tt.piece, v)
			}
			continue
		}
		if v := o.hashes.Check(tt.piece, wrong); v.Bad != nil {
			t.Errorf("piece %d: bad blocks %v are known from nothing", tt.piece, v.Bad)
		}
		if err := o.hashes.Add(req, o.answer(req)); err != nil {
			t.Fatal(err)
		}
		if v := o.hashes.Check(tt.piece, wrong); v.OK || !slices.Equal(v.Bad, tt.bad) {
			t.Errorf("piece %d: bad blocks %v, want %v", tt.piece, v.Bad, tt.bad)
		}
		if v := o.hashes.Check(tt.piece, good); !v.OK {
			t.Errorf("piece %d: %+v", tt.piece, v)
		}
		o.hashes.ForgetLeaves(tt.piece)
		if _, known := o.hashes.Leaves(tt.piece); known {
			t.Errorf("leaves of piece %d are not forgotten", tt.piece)
		}
	}
}

// Leaves that were read from a file that has changed since are not passed on.
func TestServeChangedLeaves(t *testing.T) {
	o := share(t, metainfo.FormatV2, 64*kib, contents([]int64{150 * kib}))
	req, _ := o.hashes.LeafRequest(1)
	_, need, ok := o.hashes.Serve(nil, req)
	if !ok || need != (Pieces{1, 2}) {
		t.Fatalf("needs %v, %v", need, ok)
	}
	leaves := AppendLeafHashes(nil, o.needed(1))
	leaves[2][0] ^= 1
	for _, l := range [][]metainfo.HashV2{leaves, leaves[:3], append(AppendLeafHashes(nil, o.needed(1)), metainfo.HashV2{}), nil} {
		if got, ok := o.hashes.ServeLeaves(nil, req, l); ok || got != nil {
			t.Errorf("answered from %d wrong leaves", len(l))
		}
	}
}

// Older libtorrent asks for a lone last piece hash with a length of one, and then wants its sibling as the first uncle.
func TestServeLoneHash(t *testing.T) {
	o := layered(t)
	const file, pieces = 6, 513
	tr := o.hashes.files[file].tree
	hashes, _, ok := o.hashes.Serve(nil, HashRequest{tr.root, uint32(tr.base), pieces - 1, 1, uint32(tr.height - tr.base - 1)})
	if !ok {
		t.Fatal("rejected")
	}
	h, i := hashes[0], pieces-1
	for _, u := range hashes[1:] {
		h, i = climb(h, u, i), i>>1
	}
	if h != tr.root {
		t.Error("the proof does not lead to the root")
	}
}

func TestServeRejects(t *testing.T) {
	o := layered(t)
	root := o.scan.Roots[7] // 1300 pieces, height 12
	small := o.scan.Roots[0]
	tests := map[string]HashRequest{
		"unknown root":       {metainfo.HashV2{1}, 1, 0, 2, 0},
		"zero root":          {metainfo.HashV2{}, 0, 0, 2, 0},
		"length 0":           {root, 1, 0, 0, 0},
		"length 1":           {root, 1, 0, 1, 0},
		"length 3":           {root, 1, 0, 3, 0},
		"too long":           {root, 1, 0, 16384, 0},
		"longer than layer":  {root, 1, 0, 4096, 0},
		"unaligned":          {root, 1, 2, 4, 0},
		"behind the end":     {root, 1, 1300, 2, 0},
		"far behind the end": {root, 1, 1<<32 - 2, 2, 0},
		"overflowing":        {root, 1, 1 << 31, 1 << 31, 0},
		"proof too high":     {root, 1, 0, 2, 11},
		"proof far too high": {root, 1, 0, 2, 1<<32 - 1},
		"between layers":     {root, 2, 0, 2, 0},
		"layer of the root":  {root, 12, 0, 1, 0},
		"no such layer":      {root, 1<<32 - 1, 0, 2, 0},
		"too many leaves":    {root, 0, 0, 1024, 0},
		"piece of small":     {small, 1, 0, 2, 0},
	}
	for name, req := range tests {
		if hashes, need, ok := o.hashes.Serve(nil, req); ok || hashes != nil || need != (Pieces{}) {
			t.Errorf("%s: answered", name)
		}
		if hashes, ok := o.hashes.ServeLeaves(nil, req, nil); ok || hashes != nil {
			t.Errorf("%s: answered with leaves", name)
		}
	}
	if _, _, ok := o.blank().Serve(nil, HashRequest{root, 1, 0, 512, 0}); ok {
		t.Error("unknown hashes were served")
	}
	v1 := share(t, metainfo.FormatV1, 32*kib, contents([]int64{100 * kib}))
	if _, _, ok := v1.hashes.Serve(nil, HashRequest{root, 1, 0, 2, 0}); ok {
		t.Error("a v1 object served hashes")
	}
	if _, ok := v1.hashes.LeafRequest(0); ok {
		t.Error("a v1 object asks for leaves")
	}
}

func TestAddRejects(t *testing.T) {
	o := layered(t)
	h := o.blank()
	next, stop := iter.Pull2(h.Missing())
	defer stop()
	var req HashRequest
	for req.Root != o.scan.Roots[7] {
		req, _, _ = next()
	}
	good := o.answer(req)
	leafReq, _ := o.hashes.LeafRequest(2)
	with := func(change func(r *HashRequest)) HashRequest {
		r := req
		change(&r)
		return r
	}
	flip := func(i int) []metainfo.HashV2 {
		b := slices.Clone(good)
		b[i][31] ^= 1
		return b
	}
	tests := map[string]struct {
		req    HashRequest
		hashes []metainfo.HashV2
	}{
		"first hash wrong":    {req, flip(0)},
		"last hash wrong":     {req, flip(511)},
		"uncle wrong":         {req, flip(512)},
		"last uncle wrong":    {req, flip(len(good) - 1)},
		"one short":           {req, good[:len(good)-1]},
		"one more":            {req, append(slices.Clone(good), metainfo.HashV2{})},
		"none":                {req, nil},
		"other chunk":         {with(func(r *HashRequest) { r.Index = 512 }), good},
		"unaligned":           {with(func(r *HashRequest) { r.Index = 1 }), good},
		"no such chunk":       {with(func(r *HashRequest) { r.Index = 1 << 31 }), good},
		"shorter":             {with(func(r *HashRequest) { r.Length = 256 }), good},
		"fewer proofs":        {with(func(r *HashRequest) { r.ProofLayers-- }), good[:len(good)-1]},
		"other layer":         {with(func(r *HashRequest) { r.BaseLayer = 5 }), good},
		"unknown root":        {with(func(r *HashRequest) { r.Root[0] ^= 1 }), good},
		"leaves unasked":      {with(func(r *HashRequest) { r.BaseLayer = 0 }), good},
		"leaves, layer unset": {leafReq, o.answer(leafReq)},
		"leaves far away":     {HashRequest{leafReq.Root, 0, 1<<32 - 2, 2, 0}, good[:2]},
	}
	for name, tt := range tests {
		err := h.Add(tt.req, tt.hashes)
		var blame *HashError
		if !errors.As(err, &blame) || blame.Error() == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, tr := range h.large {
		if tr.layer != nil {
			t.Error("hashes were kept that are not proven")
		}
	}
	wrong := o.answer(leafReq)
	wrong[1][0] ^= 1
	for _, l := range [][]metainfo.HashV2{wrong, wrong[:1], nil} {
		var blame *HashError
		if err := o.hashes.Add(leafReq, l); !errors.As(err, &blame) {
			t.Errorf("wrong leaves: %v", err)
		}
	}
}

// Layers kept from before that do not lead to their root are asked for again.
func TestWrongLayers(t *testing.T) {
	o := layered(t)
	layers := make(map[metainfo.HashV2][]metainfo.HashV2)
	for root, layer := range o.scan.Layers {
		layers[root] = slices.Clone(layer)
	}
	layers[o.scan.Roots[7]][1299][5] ^= 1
	layers[o.scan.Roots[6]] = layers[o.scan.Roots[6]][:512]
	h := NewHashes(o.info, o.layout, layers)
	n := 0
	for range h.Missing() {
		n++
	}
	if h.HasLayers() || n != 3+2 {
		t.Errorf("%d requests", n)
	}
}

// A hostile torrent may give files of different sizes one root. One of them can be right at most; nothing breaks.
func TestRootsThatCannotBe(t *testing.T) {
	o := layered(t)
	info := *o.info
	info.Files = slices.Clone(info.Files)
	for i := range info.Files {
		if info.Files[i].Size > 0 {
			info.Files[i].Root = o.scan.Roots[7]
		}
	}
	l := New(&info)
	h := NewHashes(&info, l, nil)
	for req := range h.Missing() {
		if err := h.Add(req, o.answer(req)); err == nil {
			t.Errorf("%+v was proven", req)
		}
	}
	for i := range l.Pieces() {
		h.Check(i, make([]byte, l.Need(i)))
		h.LeafRequest(i)
	}
}

func FuzzAdd(f *testing.F) {
	o := share(f, metainfo.FormatHybrid, 16*kib, contents([]int64{600 * 16 * kib, 5, 40 * kib}))
	o2 := share(f, metainfo.FormatV2, 32*kib, contents([]int64{100 * kib, 40 * kib, 32 * kib, 17 * kib}))
	f.Add(uint8(0), uint32(0), uint32(0), uint32(512), uint32(9), []byte{})
	f.Add(uint8(0), uint32(0), uint32(512), uint32(128), uint32(9), []byte{1, 2, 3})
	f.Add(uint8(4), uint32(1), uint32(0), uint32(4), uint32(1), []byte{})
	f.Add(uint8(4), uint32(0), uint32(6), uint32(2), uint32(0), []byte{0})
	f.Add(uint8(7), uint32(0), uint32(0), uint32(2), uint32(0), []byte{255, 255, 255})
	f.Fuzz(func(t *testing.T, which uint8, base, index, length, proof uint32, change []byte) {
		o := []*object{o, o2}[which>>2&1]
		req := HashRequest{o.scan.Roots[int(which&3)%len(o.scan.Roots)], base, index, length, proof}
		hashes := o.answer(req)
		intact := len(change) < 3
		if !intact && len(hashes) > 0 {
			k := (int(change[0])<<8 | int(change[1])) % len(hashes)
			hashes[k][int(change[2])%32] ^= 1
		}
		for _, h := range []*Hashes{o.blank(), NewHashes(o.info, o.layout, o.scan.Layers)} {
			complete := h.HasLayers()
			if err := h.Add(req, hashes); err == nil && !intact && !complete {
				t.Fatalf("%+v: changed hashes were taken", req)
			}
			for root, layer := range h.Layers() {
				if !slices.Equal(layer, o.scan.Layers[root]) {
					t.Fatalf("a wrong layer is known")
				}
			}
			for i := range o.layout.Pieces() {
				if leaves, known := h.Leaves(i); known && !slices.Equal(leaves, AppendLeafHashes(nil, o.needed(i))) {
					t.Fatalf("wrong leaves of piece %d are known", i)
				}
			}
		}
	})
}
