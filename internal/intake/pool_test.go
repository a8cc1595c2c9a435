package intake

import (
	"testing"

	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// TestPoolBy: pieces are checked when whoever was handed the job does it, and not before.
func TestPoolBy(t *testing.T) {
	f := newFetch(t, metainfo.FormatHybrid, 4*block, plenty, randomFiles(9*block))
	var jobs []func()
	pool := NewPoolBy(func(job func()) { jobs = append(jobs, job) })
	f.in.cfg.Pool = pool
	for i := range f.layout.Pieces() {
		f.whole(i, f.piece(i))
	}
	if len(f.outcomes) > 0 || len(jobs) != f.layout.Pieces() {
		t.Fatalf("%d pieces checked, %d jobs", len(f.outcomes), len(jobs))
	}
	for i, job := range jobs {
		job()
		if o := f.next(); o.piece != i || o.err != nil || !o.verdict.OK {
			t.Errorf("%+v", o)
		}
	}
	pool.Close()
	f.complete(plenty)
}
