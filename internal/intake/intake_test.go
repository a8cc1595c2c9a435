package intake

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

const plenty = 64 << 20

var formats = []metainfo.Format{metainfo.FormatV1, metainfo.FormatV2, metainfo.FormatHybrid}

// eachWay runs a test with memory and without, for all formats.
func eachWay(t *testing.T, test func(t *testing.T, f *fetch, budget int64)) {
	for _, format := range formats {
		for _, budget := range []int64{plenty, 0} {
			t.Run(fmt.Sprintf("%v, budget %d", format, budget), func(t *testing.T) {
				// Files that end within blocks and pieces, one of many pieces, one empty.
				test(t, newFetch(t, format, 4*block, budget, randomFiles(3*block+5, 9*block, 0, 7, 21*block+1)), budget)
			})
		}
	}
}

func TestFetch(t *testing.T) {
	eachWay(t, func(t *testing.T, f *fetch, budget int64) {
		for i := range f.layout.Pieces() {
			if spilled := f.whole(i, f.piece(i)); spilled != (budget == 0) {
				t.Errorf("piece %d: spilled %v", i, spilled)
			}
			if o := f.next(); o.piece != i || o.err != nil || !o.verdict.OK || o.verdict.Leaves != nil {
				t.Errorf("%+v", o)
			}
		}
		f.complete(budget)
	})
}

func TestWrongData(t *testing.T) {
	eachWay(t, func(t *testing.T, f *fetch, budget int64) {
		const piece = 1
		good := f.piece(piece)
		bad := slices.Clone(good)
		bad[2*block]++
		f.whole(piece, bad)
		o := f.next()
		if o.err != nil || o.verdict.OK || o.verdict.Unknown || o.verdict.Bad != nil || len(o.verdict.Leaves) != f.layout.Blocks(piece) {
			t.Fatalf("%+v", o)
		}
		for i := range f.disk.verified {
			if f.disk.verified[i].Total() > 0 {
				t.Error("wrong bytes are called verified")
			}
		}
		if budget > 0 {
			for i, b := range f.disk.files {
				if slices.Max(append(b, 0)) != 0 {
					t.Errorf("wrong bytes are written to file %d", i)
				}
			}
		}
		f.empty(budget)

		f.leaves = true
		f.whole(piece, good)
		o = f.next()
		if o.err != nil || !o.verdict.OK || !slices.Equal(o.verdict.Leaves, torrent.AppendLeafHashes(nil, good)) {
			t.Errorf("second try: %+v", o)
		}
		f.empty(budget)
	})
}

// TestKnownBadBlocks: where the leaves are known, only the bad block is brought again.
func TestKnownBadBlocks(t *testing.T) {
	for _, budget := range []int64{plenty, 0} {
		f := newFetch(t, metainfo.FormatV2, 4*block, budget, randomFiles(9*block))
		r, ok := f.hashes.LeafRequest(1)
		if !ok {
			t.Fatal("no leaf request")
		}
		if err := f.hashes.Add(r, torrent.AppendLeafHashes(nil, f.piece(1))); err != nil {
			t.Fatal(err)
		}
		bad := f.piece(1)
		bad[2*block]++
		f.whole(1, bad)
		if o := f.next(); o.verdict.OK || !slices.Equal(o.verdict.Bad, []int{2}) {
			t.Fatalf("%+v", o)
		}
		f.arrive(1, 2, f.piece(1))
		f.in.Complete(1)
		if o := f.next(); !o.verdict.OK {
			t.Errorf("%+v", o)
		}
		f.empty(budget)
	}
}

// TestUnknownHash: a piece that cannot be verified is nobody's fault, and not kept.
func TestUnknownHash(t *testing.T) {
	f := newFetch(t, metainfo.FormatV2, 4*block, plenty, randomFiles(9*block))
	f.in.cfg.Hashes = torrent.NewHashes(f.info, f.layout, nil)
	f.whole(1, f.piece(1))
	if o := f.next(); !o.verdict.Unknown {
		t.Errorf("%+v", o)
	}
	f.empty(plenty)
}

// TestBudget: the piece that finds no room is spilled, the ones before and after are not.
func TestBudget(t *testing.T) {
	const budget = 2*4*block + block
	f := newFetch(t, metainfo.FormatV1, 4*block, budget, randomFiles(17*block))
	for i, want := range []bool{false, false, true, true} {
		if got := f.arrive(i, 0, f.piece(i)); got != want {
			t.Errorf("piece %d: spilled %v", i, got)
		}
	}
	if f.arrive(4, 0, f.piece(4)) {
		t.Error("a short piece is charged as a long one")
	}
	f.whole(0, f.piece(0))
	f.next()
	if !f.arrive(2, 1, f.piece(2)) {
		t.Error("a piece half on the disk goes on in memory")
	}
	for _, i := range []int{1, 2, 3, 4} {
		f.whole(i, f.piece(i))
		if o := f.next(); !o.verdict.OK {
			t.Errorf("%+v", o)
		}
	}
	f.complete(budget)
}

// TestSpilledPieceLargerThanMemory: reading back takes a small buffer whatever the size of the piece.
func TestSpilledPieceLargerThanMemory(t *testing.T) {
	for _, format := range formats {
		f := newFetch(t, format, 8<<20, 1<<20, randomFiles(5<<20, 8<<20+3, 12345))
		for i := range f.layout.Pieces() {
			data := f.piece(i)
			if i == 1 {
				data[len(data)-1]++
			}
			f.whole(i, data)
			if o := f.next(); o.err != nil || o.verdict.OK == (i == 1) {
				t.Errorf("piece %d: %v, %v", i, o.verdict.OK, o.err)
			}
		}
		f.whole(1, f.piece(1))
		f.next()
		f.complete(1 << 20)
		if f.disk.longest > readSize {
			t.Errorf("%d bytes read at once", f.disk.longest)
		}
	}
}

func TestFailingDisk(t *testing.T) {
	eachWay(t, func(t *testing.T, f *fetch, budget int64) {
		op := "write"
		if budget == 0 {
			op = "read"
		}
		for b := range f.layout.Blocks(1) {
			f.arrive(1, b, f.piece(1))
		}
		f.disk.fault = func(what string, _ []byte) error {
			if what == op {
				return errDisk
			}
			return nil
		}
		f.in.Complete(1)
		if o := f.next(); !errors.Is(o.err, errDisk) {
			t.Errorf("%+v", o)
		}
		f.empty(budget)
		if err := f.in.Spill(1, 0, f.piece(1)); budget > 0 && !errors.Is(err, errDisk) {
			t.Errorf("spilling: %v", err)
		}
	})
}

func TestPanicInJob(t *testing.T) {
	for _, where := range []string{"write", "report"} {
		t.Run(where, func(t *testing.T) {
			f := newFetch(t, metainfo.FormatV1, 4*block, plenty, randomFiles(9*block))
			if where == "write" {
				f.disk.fault = func(string, []byte) error { panic("a mistake of ours") }
			} else {
				f.report = func(piece int, v torrent.Verdict, err error) {
					f.keep(piece, v, err)
					panic("a mistake of ours")
				}
			}
			f.whole(0, f.piece(0))
			o := f.next()
			if (o.err != nil) != (where == "write") {
				t.Errorf("%+v", o)
			}
			f.in.Close() // waits for the job
			f.mu.Lock()
			if len(f.panics) == 0 && len(f.outcomes) > 0 {
				t.Errorf("reported again: %+v", f.outcomes)
			}
			f.mu.Unlock()
			f.empty(plenty)

			// The workers live on.
			done := make(chan struct{}, 10)
			for range 10 {
				f.pool.do(func(*scratch) { done <- struct{}{} })
			}
			for range 10 {
				<-done
			}
			<-f.panicked
			f.mu.Lock()
			defer f.mu.Unlock()
			if len(f.panics) != 1 {
				t.Errorf("%d panics counted", len(f.panics))
			}
		})
	}
}

func TestCloseWaitsForTheWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFetch(t, metainfo.FormatV1, 4*block, plenty, randomFiles(9*block))
		hold := make(chan struct{})
		f.disk.fault = func(string, []byte) error { <-hold; return nil }
		f.arrive(1, 0, f.piece(1))
		f.whole(0, f.piece(0))
		closed := make(chan struct{})
		go func() { f.in.Close(); close(closed) }()
		synctest.Wait()
		select {
		case <-closed:
			t.Error("closed while a worker writes")
		default:
		}
		// What comes now is thrown away, and holds nothing.
		if p := f.in.Place(2, 0, 5); len(p) != 5 {
			t.Errorf("place of %d bytes", len(p))
		}
		f.in.Complete(1)
		close(hold)
		<-closed
		if o := f.next(); o.piece != 0 || !o.verdict.OK {
			t.Errorf("%+v", o)
		}
		f.empty(plenty)
		f.in.Complete(7) // was never placed
	})
}

// TestCompleteWaits: senders are slowed while the workers are behind.
func TestCompleteWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPool(1, nil)
		hold := make(chan struct{})
		queued := 0
		go func() {
			for range 5 {
				p.do(func(*scratch) { <-hold })
				queued++
			}
		}()
		synctest.Wait()
		if queued != 2 {
			t.Errorf("%d jobs taken by one worker", queued)
		}
		close(hold)
		synctest.Wait()
		p.Close()
	})
}

// TestManyAtOnce has several objects share workers and memory, with many goroutines placing blocks of the same pieces.
func TestManyAtOnce(t *testing.T) {
	const budget = 10 * 4 * block
	var fetches []*fetch
	for _, format := range formats {
		fetches = append(fetches, newFetch(t, format, 4*block, budget, randomFiles(40*block+9, 3*block)))
	}
	shared, pool := fetches[0].budget, fetches[0].pool
	var all sync.WaitGroup
	for _, f := range fetches {
		f.budget, f.in.cfg.Budget, f.in.cfg.Pool = shared, shared, pool
		all.Go(func() {
			rng := rand.New(rand.NewPCG(3, 4))
			var senders sync.WaitGroup
			for _, piece := range rng.Perm(f.layout.Pieces()) {
				senders.Go(func() {
					data := f.piece(piece)
					var blocks sync.WaitGroup
					for b := range f.layout.Blocks(piece) {
						blocks.Go(func() { f.arrive(piece, b, data) })
					}
					blocks.Wait()
					f.in.Complete(piece)
				})
			}
			senders.Wait()
			for range f.layout.Pieces() {
				if o := f.next(); !o.verdict.OK || o.err != nil {
					t.Errorf("%+v", o)
				}
			}
		})
	}
	all.Wait()
	for _, f := range fetches {
		f.complete(budget)
	}
}

// TestPoolByHand: a pool without workers leaves it to its maker when a piece is checked.
func TestPoolByHand(t *testing.T) {
	f := newFetch(t, metainfo.FormatV1, 4*block, plenty, randomFiles(4*block))
	var jobs []func()
	pool := NewPoolBy(func(job func()) { jobs = append(jobs, job) })
	f.in.cfg.Pool = pool
	f.whole(0, f.piece(0))
	if len(jobs) != 1 || len(f.outcomes) != 0 {
		t.Fatalf("%d jobs, %d outcomes", len(jobs), len(f.outcomes))
	}
	jobs[0]()
	if o := f.next(); !o.verdict.OK {
		t.Errorf("%+v", o)
	}
	pool.Close()
	f.complete(plenty)
}
