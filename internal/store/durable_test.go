package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

// Promise 4.2: "Nothing acknowledged is lost by kill -9, power loss, full disk or a failing write." Random writes,
// syncs and finishes on a disk that now and then fails; at any moment a power loss must leave every range that Sync
// returned, and every file that Finish named, as it was.
func TestPromise4_2NothingAcknowledgedIsLost(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			newFetchRun(t, seed).run()
		})
	}
}

// fetchRun is one random history of a fetch.
type fetchRun struct {
	*testing.T
	rng    *rand.Rand
	mem    *vfs.Mem
	faults *vfs.Faults
	obj    content.Object
	opt    store.FetchOptions
	o      *store.Object

	verified []content.Ranges // what was told to the store since its last failure
	durable  []content.Ranges // what Sync returned: the catalog
	whole    []store.Identity // what Finish returned: the catalog
}

func newFetchRun(t *testing.T, seed uint64) *fetchRun {
	r := &fetchRun{T: t, rng: rand.New(rand.NewPCG(seed, 42)), mem: vfs.NewMem()}
	r.faults = vfs.NewFaults(r.mem)
	if err := r.mem.MkdirAll("/state"); err != nil {
		t.Fatal(err)
	}
	var names content.Names
	var files []content.File
	for i := range 2 + r.rng.IntN(40) {
		p, err := names.Add(fmt.Sprintf("folder %d", i%4), fmt.Sprintf("file %d", i))
		must(t, err)
		files = append(files, content.File{Path: p, Size: int64(r.rng.IntN(30_000))})
		r.opt.Selected = append(r.opt.Selected, r.rng.IntN(4) > 0)
	}
	obj, err := content.NewObject(content.MakePath("album"), true, files)
	must(t, err)
	r.obj, r.opt.Side, r.opt.Resume = obj, "/state/side", true
	r.verified, r.durable = make([]content.Ranges, len(files)), make([]content.Ranges, len(files))
	r.whole = make([]store.Identity, len(files))
	r.reopen()
	return r
}

func (r *fetchRun) run() {
	for range 150 {
		switch n := r.rng.IntN(100); {
		case n < 60:
			r.write()
		case n < 75:
			r.sync()
		case n < 85:
			r.finish()
		case n < 97:
			r.crash()
		default:
			must(r, r.o.Close())
			r.reopen()
		}
	}
	must(r, r.o.Close())
	if n := r.mem.Handles(); n > 0 {
		r.Errorf("%d handles are left open", n)
	}
}

// reopen starts the store anew with what the catalog knows.
func (r *fetchRun) reopen() {
	opt := r.opt
	opt.Identities = r.whole
	s := store.New(r.faults, store.Options{Handles: 1 + r.rng.IntN(8), Now: newClock().now})
	o, err := s.OpenFetched("/downloads", r.obj, opt)
	must(r, err)
	r.o = o
	for i := range r.verified {
		r.verified[i] = r.durable[i].Clone()
		if o.State(i) == store.Found {
			must(r, o.Finish(i))
			r.whole[i] = o.Identity(i)
		}
	}
}

// write writes a run: wrong bytes first now and then, where nothing is verified; the right ones always; and says so.
func (r *fetchRun) write() {
	i := r.rng.IntN(len(r.obj.Files()))
	size := r.obj.Files()[i].Size
	if size == 0 || !r.whole[i].IsZero() {
		return
	}
	off := r.rng.Int64N(size)
	n := 1 + r.rng.Int64N(size-off)
	if r.rng.IntN(3) == 0 {
		off, n = 0, size
	}
	free := true
	for x := range r.verified[i].All() {
		free = free && (x.To <= off || x.From >= off+n)
	}
	if free && r.rng.IntN(4) == 0 {
		must(r, r.o.WriteAt(bytes.Repeat([]byte{0xee}, int(n)), i, off))
		if r.rng.IntN(2) == 0 {
			return
		}
	}
	put(r, r.o, i, off, n)
	r.verified[i].Add(off, off+n)
}

func (r *fetchRun) sync() {
	if r.rng.IntN(5) == 0 {
		op := []vfs.Op{vfs.OpSync, vfs.OpSyncAll, vfs.OpSyncDir}[r.rng.IntN(3)]
		err := error(syscall.EIO)
		if op == vfs.OpSyncAll && r.rng.IntN(2) == 0 {
			err = errors.ErrUnsupported
		}
		r.faults.FailNth(op, 1+r.rng.IntN(5), err)
	}
	done, err := r.o.Sync()
	r.faults.On(nil)
	if err != nil {
		wantDisk(r, err)
		for i := range r.verified {
			r.verified[i] = r.durable[i].Clone()
		}
		return
	}
	for _, d := range done {
		r.durable[d.File].Add(d.From, d.To)
	}
	for i := range r.verified {
		if r.whole[i].IsZero() && r.verified[i].Total() != r.durable[i].Total() {
			r.Errorf("file %d: %d bytes verified, %d durable after a sync", i, r.verified[i].Total(), r.durable[i].Total())
		}
	}
}

func (r *fetchRun) finish() {
	for i, f := range r.obj.Files() {
		if !r.opt.Selected[i] || !r.durable[i].Contains(0, f.Size) || r.rng.IntN(2) == 0 {
			continue
		}
		if err := r.o.Finish(i); errors.Is(err, store.ErrNotDurable) {
			continue // written to since the last sync
		} else {
			must(r, err)
		}
		r.whole[i] = r.o.Identity(i)
	}
}

// crash looks at a disk that a power loss now may leave, as a new start would.
func (r *fetchRun) crash() {
	disk := r.mem.CrashClone(r.rng)
	opt := r.opt
	opt.Identities = r.whole
	o, err := newStore(disk).OpenFetched("/downloads", r.obj, opt)
	must(r, err)
	defer o.Close()
	for i, f := range r.obj.Files() {
		if !r.whole[i].IsZero() {
			r.durable[i].Add(0, f.Size)
			must(r, o.CheckFile(i))
		}
		if state := o.State(i); state == store.Doubtful && !r.durable[i].IsEmpty() {
			r.Fatalf("file %d is doubtful", i)
		}
		for x := range r.durable[i].All() {
			p := make([]byte, x.To-x.From)
			if err := o.ReadAt(p, i, x.From); err != nil || !bytes.Equal(p, pattern(i, x.From, x.To-x.From)) {
				r.Fatalf("file %d: durable bytes %v are lost: %v", i, x, err)
			}
		}
	}
}

// After a failed sync Linux says that the pages are clean, and the next sync succeeds without them.
func TestPromise4_2FailedSyncIsNotForgotten(t *testing.T) {
	for _, op := range []vfs.Op{vfs.OpSync, vfs.OpSyncDir} {
		m := vfs.NewMem()
		faults := vfs.NewFaults(m)
		obj := folder(t, file{"a", 10_000}, file{"b", 10_000})
		o := openFetched(t, faults, "/d", obj, store.FetchOptions{})
		put(t, o, 0, 0, 5000)
		good := mustSync(t, o)
		put(t, o, 0, 5000, 5000)
		put(t, o, 1, 0, 10_000)
		faults.FailNth(op, 1, syscall.EIO)
		if disk := wantDisk(t, second(o.Sync())); disk.Op != "sync" {
			t.Error(disk)
		}
		if got := mustSync(t, o); len(got) != 0 {
			t.Errorf("after a failed sync this is durable: %v", got)
		}
		p := make([]byte, 5000)
		must(t, o.ReadAt(p, 0, 0))
		if !bytes.Equal(p, pattern(0, 0, 5000)) || len(good) != 1 {
			t.Error("what was durable before is lost")
		}
		must(t, o.ReadAt(p, 0, 5000))
		if op == vfs.OpSync && bytes.Equal(p, pattern(0, 5000, 5000)) {
			t.Error("bytes of the file that was synced first, and lost, are still read from the cache")
		}
		// Fetched again, it is.
		put(t, o, 0, 5000, 5000)
		put(t, o, 1, 0, 10_000)
		mustSync(t, o)
		c := m.CrashClone(rand.New(rand.NewPCG(1, 2)))
		after := openFetched(t, c, "/d", obj, store.FetchOptions{Resume: true})
		p = make([]byte, 10_000)
		for i := range 2 {
			must(t, after.ReadAt(p, i, 0))
			if !bytes.Equal(p, pattern(i, 0, 10_000)) {
				t.Errorf("file %d is lost", i)
			}
		}
	}
}

// A sync that fails between the write of a piece and the word that it is verified takes both with it.
func TestPromise4_2FailedSyncTakesWhatIsVerifiedLater(t *testing.T) {
	faults := vfs.NewFaults(vfs.NewMem())
	o := openFetched(t, faults, "/d", folder(t, file{"a", 3000}), store.FetchOptions{})
	put(t, o, 0, 0, 1000)
	must(t, o.WriteAt(pattern(0, 1000, 1000), 0, 1000))
	faults.On(func(c vfs.Call) error {
		if c.Op != vfs.OpSync {
			return nil
		}
		o.Verified(content.Extent{File: 0, Offset: 1000, Length: 500})
		return syscall.EIO
	})
	wantDisk(t, second(o.Sync()))
	faults.On(nil)
	if got := mustSync(t, o); len(got) > 0 {
		t.Errorf("verified while the sync failed, and durable: %v", got)
	}
	o.Verified(content.Extent{File: 0, Offset: 1500, Length: 500})
	wantDisk(t, second(o.Sync()))
	// Read again, or written again, it counts.
	must(t, o.ReadAt(make([]byte, 1000), 0, 0))
	o.Verified(content.Extent{File: 0, Offset: 0, Length: 1000})
	put(t, o, 0, 1000, 2000)
	if got := mustSync(t, o); len(got) != 1 {
		t.Errorf("durable: %v", got)
	}
}

// A file that was closed takes the knowledge of its failed writes along, so the whole file system is asked.
func TestPromise4_2ClosedFilesAreSyncedByFileSystem(t *testing.T) {
	faults := vfs.NewFaults(vfs.NewMem())
	s := store.New(faults, store.Options{Handles: 1, Now: newClock().now})
	o, err := s.OpenFetched("/d", folder(t, file{"a", 1000}, file{"b", 1000}), store.FetchOptions{})
	must(t, err)
	defer o.Close()
	for off := int64(0); off < 1000; off += 500 {
		put(t, o, 0, off, 500)
		put(t, o, 1, off, 500)
	}
	faults.FailNth(vfs.OpSyncAll, 1, syscall.EIO)
	wantDisk(t, second(o.Sync()))
	put(t, o, 0, 0, 1000)
	put(t, o, 1, 0, 1000)
	if got := mustSync(t, o); len(got) != 2 || faults.Count(vfs.OpSyncAll) != 2 {
		t.Errorf("durable: %v; %d syncs of the file system", got, faults.Count(vfs.OpSyncAll))
	}
}

func second(_ []store.Durable, err error) error { return err }

// Bytes that a killed process left are hashed again and need no second write, but a sync.
func TestPromise4_2BytesFoundAreSyncedToo(t *testing.T) {
	m := vfs.NewMem()
	obj := folder(t, file{"a", 10_000})
	o := openFetched(t, m, "/d", obj, store.FetchOptions{})
	must(t, o.WriteAt(pattern(0, 0, 10_000), 0, 0))
	must(t, o.Close()) // killed: neither file nor folder was synced, and the disk is as it was

	o = openFetched(t, m, "/d", obj, store.FetchOptions{Resume: true})
	p := make([]byte, 10_000)
	must(t, o.ReadAt(p, 0, 0))
	o.Verified(content.Extent{File: 0, Offset: 0, Length: 10_000})
	if got := mustSync(t, o); len(got) != 1 {
		t.Fatal(got)
	}
	for seed := range uint64(20) {
		c := m.CrashClone(rand.New(rand.NewPCG(seed, 2)))
		after := openFetched(t, c, "/d", obj, store.FetchOptions{Resume: true})
		must(t, after.ReadAt(p, 0, 0))
		if !bytes.Equal(p, pattern(0, 0, 10_000)) {
			t.Fatal("lost")
		}
	}
}

// Promise 4.2: the sync runs "beside the transfer, never in it". What is verified while it runs is not in it.
func TestPromise4_2SyncRunsBesideWrites(t *testing.T) {
	faults := vfs.NewFaults(vfs.NewMem())
	o := openFetched(t, faults, "/d", folder(t, file{"a", 1000}, file{"b", 1000}), store.FetchOptions{})
	put(t, o, 0, 0, 500)
	inside, proceed := make(chan struct{}), make(chan struct{})
	faults.On(func(c vfs.Call) error {
		if c.Op == vfs.OpSync {
			close(inside)
			<-proceed
		}
		return nil
	})
	result := make(chan []store.Durable)
	go func() {
		done, err := o.Sync()
		if err != nil {
			t.Error(err)
		}
		result <- done
	}()
	<-inside
	faults.On(nil)
	put(t, o, 0, 500, 500)
	put(t, o, 1, 0, 1000)
	must(t, o.ReadAt(make([]byte, 1000), 1, 0))
	close(proceed)
	if got := <-result; !slices.Equal(got, []store.Durable{{File: 0, Range: content.Range{From: 0, To: 500}}}) {
		t.Errorf("first sync: %v", got)
	}
	if got := mustSync(t, o); len(got) != 2 {
		t.Errorf("second sync: %v", got)
	}
}

// Many writers, readers and a syncer at once, on few handles.
func TestConcurrentFetch(t *testing.T) {
	const files, size, block = 24, 64 << 10, 4 << 10
	m := vfs.NewMem()
	s := store.New(m, store.Options{Handles: 4, Now: newClock().now})
	list := make([]file, files)
	for i := range list {
		list[i] = file{fmt.Sprint(i), size}
	}
	o, err := s.OpenFetched("/d", folder(t, list...), store.FetchOptions{})
	must(t, err)
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for i := range files {
				for off := int64(w * block); off < size; off += 8 * block {
					put(t, o, i, off, block)
					p := make([]byte, block)
					if err := o.ReadAt(p, i, off); err != nil || !bytes.Equal(p, pattern(i, off, block)) {
						t.Error(i, off, err)
					}
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { writers.Wait(); close(done) }()
	left := make([]content.Ranges, files)
	finished := 0
	for finished < files {
		for _, d := range mustSync(t, o) {
			left[d.File].Add(d.From, d.To)
		}
		for i := range left {
			if o.State(i) != store.Whole && left[i].Contains(0, size) {
				must(t, o.Finish(i))
				finished++
			}
		}
	}
	<-done
	must(t, o.Check())
	must(t, o.Close())
	if n := m.Handles(); n != 0 {
		t.Errorf("%d handles are left open", n)
	}
}
