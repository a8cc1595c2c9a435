package torrent

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// formats are the objects that checking differs for: by SHA-1, by tree, and a hybrid before and after layers are known.
func formats(t *testing.T) map[string]*object {
	sizes := []int64{200 * kib, 5, 0, 70 * kib, 100*kib + 1}
	objects := map[string]*object{
		"v1":                    share(t, metainfo.FormatV1, 96*kib, contents(sizes)),
		"v2":                    share(t, metainfo.FormatV2, 64*kib, contents(sizes)),
		"hybrid":                share(t, metainfo.FormatHybrid, 64*kib, contents(sizes)),
		"hybrid without layers": share(t, metainfo.FormatHybrid, 64*kib, contents(sizes)),
	}
	o := objects["hybrid without layers"]
	o.hashes = o.blank()
	return objects
}

// blocksOf gives the blocks of a piece as Checker wants them.
func (o *object) blocksOf(piece int, data []byte) func(int) []byte {
	return func(b int) []byte {
		begin, length := o.layout.Block(piece, b)
		return data[begin : begin+length]
	}
}

func TestCheckEveryFormat(t *testing.T) {
	for name, o := range formats(t) {
		t.Run(name, func(t *testing.T) { checkAll(t, o) })
	}
}

func TestCheckerInAnyOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for name, o := range formats(t) {
		t.Run(name, func(t *testing.T) {
			var data []byte
			c := o.hashes.NewChecker(0, func(b int) []byte { return nil })
			for i := range o.layout.Pieces() {
				data = o.needed(i)
				c.Reset(i, o.blocksOf(i, data))
				for _, b := range rng.Perm(o.layout.Blocks(i)) {
					// Some blocks are never written; Finish sees to them.
					if rng.IntN(5) > 0 {
						c.Write(b)
					}
				}
				if v := c.Finish(); !v.OK {
					t.Fatalf("piece %d: %+v", i, v)
				}
				if !slices.Equal(c.Leaves(), AppendLeafHashes(nil, data)) {
					t.Errorf("piece %d: wrong leaves", i)
				}
			}
		})
	}
}

func TestCheckerFromManyGoroutines(t *testing.T) {
	for name, o := range formats(t) {
		t.Run(name, func(t *testing.T) {
			for range 20 {
				c := o.hashes.NewChecker(0, o.blocksOf(0, o.needed(0)))
				var wg sync.WaitGroup
				for b := range o.layout.Blocks(0) {
					wg.Go(func() { c.Write(b) })
				}
				wg.Wait()
				if v := c.Finish(); !v.OK {
					t.Fatalf("%+v", v)
				}
			}
		})
	}
}

// A block that was wrong is written again, also when SHA-1 has passed it long ago.
func TestCheckerReplacesBlocks(t *testing.T) {
	for name, o := range formats(t) {
		t.Run(name, func(t *testing.T) {
			good := o.needed(0)
			data := slices.Clone(good)
			data[BlockSize+5] ^= 1
			c := o.hashes.NewChecker(0, o.blocksOf(0, data))
			for b := range o.layout.Blocks(0) {
				c.Write(b)
			}
			bad := c.Finish()
			if bad.OK || len(bad.Leaves) != o.layout.Blocks(0) {
				t.Fatalf("%+v", bad)
			}
			copy(data, good)
			c.Write(1)
			if v := c.Finish(); !v.OK {
				t.Fatalf("%+v", v)
			}
			var differ []int
			for b, leaf := range c.Leaves() {
				if leaf != bad.Leaves[b] {
					differ = append(differ, b)
				}
			}
			if !slices.Equal(differ, []int{1}) {
				t.Errorf("leaves differ in %v", differ)
			}
			// Replaced before the piece is whole.
			data[3] ^= 1
			c.Reset(0, o.blocksOf(0, data))
			c.Write(0)
			c.Write(1)
			copy(data, good)
			c.Write(0)
			if v := c.Finish(); !v.OK {
				t.Errorf("%+v", v)
			}
		})
	}
}

// A piece may be whole before its hash is known.
func TestCheckerBeforeLayers(t *testing.T) {
	o := share(t, metainfo.FormatV2, 64*kib, contents([]int64{200 * kib}))
	h := o.blank()
	c := h.NewChecker(1, o.blocksOf(1, o.needed(1)))
	for b := range o.layout.Blocks(1) {
		c.Write(b)
	}
	if v := c.Finish(); !v.Unknown || v.OK {
		t.Fatalf("%+v", v)
	}
	for req := range h.Missing() {
		if err := h.Add(req, o.answer(req)); err != nil {
			t.Fatal(err)
		}
	}
	if v := c.Finish(); !v.OK {
		t.Fatalf("%+v", v)
	}
}

// Checking goes on while hashes arrive.
func TestCheckWhileAdding(t *testing.T) {
	o := layered(t)
	h := o.blank()
	var wg sync.WaitGroup
	for k := range 2 {
		wg.Go(func() {
			for i := k; i < 60; i += 2 {
				piece := i * 37 % o.layout.Pieces()
				if v := h.Check(piece, o.needed(piece)); !v.OK && !v.Unknown {
					t.Errorf("piece %d: %+v", piece, v)
				}
			}
		})
	}
	for req := range h.Missing() {
		wg.Go(func() {
			if err := h.Add(req, o.answer(req)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if !h.HasLayers() {
		t.Error("layers are missing")
	}
}
