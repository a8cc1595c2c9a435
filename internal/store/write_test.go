package store_test

import (
	"bytes"
	"path"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

// TestOneWriterPerFile: many write to a file, a slice each in turn, and those who write to another do not wait for them.
func TestOneWriterPerFile(t *testing.T) {
	const writers, slice, each = 4, 256 << 10, 2*256<<10 + 100
	faults := vfs.NewFaults(vfs.NewMem())
	o := openFetched(t, faults, "/d", folder(t, file{"a", writers * each}, file{"b", 1000}), store.FetchOptions{})
	put(t, o, 0, 0, 1)
	put(t, o, 1, 0, 1)

	var writing, calls atomic.Int32
	begun, other := make(chan struct{}), make(chan struct{})
	faults.On(func(c vfs.Call) error {
		switch {
		case c.Op != vfs.OpWrite:
		case strings.HasPrefix(path.Base(c.Name), "b"):
			close(other)
		default:
			if writing.Add(1) > 1 {
				t.Error("two write at once")
			}
			if c.Length > slice {
				t.Errorf("%d bytes in one call", c.Length)
			}
			if calls.Add(1) == 1 {
				close(begun)
				<-other
			}
			for range 1000 {
				runtime.Gosched() // others may come
			}
			writing.Add(-1)
		}
		return nil
	})
	var all sync.WaitGroup
	for i := range int64(writers) {
		all.Go(func() { put(t, o, 0, i*each, each) })
	}
	<-begun
	put(t, o, 1, 1, 999)
	all.Wait()
	faults.On(nil)
	if n := calls.Load(); n != 3*writers {
		t.Errorf("%d calls", n)
	}
	got := make([]byte, writers*each)
	must(t, o.ReadAt(got, 0, 0))
	for i := range int64(writers) {
		if !bytes.Equal(got[i*each:][:each], pattern(0, i*each, each)) {
			t.Errorf("what writer %d wrote is not there", i)
		}
	}
}
