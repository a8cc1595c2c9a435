package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// TestWebSeedAlone: an object comes from a web server without any peer, whatever its files look like.
func TestWebSeedAlone(t *testing.T) {
	odd := []int{1, 100_000, 0, 16 << 10, 3, 5, 7, 65 << 10, 300_001}
	for _, c := range []struct {
		what   string
		format metainfo.Format
		sizes  []int
		budget int64
	}{
		{"v1, pieces over many files", metainfo.FormatV1, odd, 0},
		{"v2", metainfo.FormatV2, odd, 0},
		{"hybrid, with padding", metainfo.FormatHybrid, odd, 0},
		{"one file", metainfo.FormatV1, []int{3_000_001}, 0},
		{"no memory for pieces", metainfo.FormatHybrid, odd, 100_000},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := netxtest.NewWorld(1)
				w.SetLink(nil, nil, netxtest.Link{Delay: 20 * time.Millisecond})
				s := makeSample(t, c.format, 64<<10, c.sizes...)
				site := serve(t, w.Host("9.9.9.9"), s)
				r := newRig(t, w.Host("8.8.8.8"), s, options{urls: []string{"http://9.9.9.9/"}, budget: c.budget})
				r.fetched(s)
				if site.most.Load() > perServer {
					t.Errorf("%d requests at once", site.most.Load())
				}
				if n := s.info.Object().Size(); site.bytes.Load() > n+n/10 {
					t.Errorf("%d bytes were asked for, of %d", site.bytes.Load(), n)
				}
				if fate := r.fate("http://9.9.9.9/"); fate != "" || r.panics.Load() > 0 {
					t.Error(fate)
				}
			})
		})
	}
}

// spoiled answers with other bytes.
func spoiled(s *sample) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) { s.ServeHTTP(&flipping{ResponseWriter: rw}, r) }
}

type flipping struct{ http.ResponseWriter }

func (f *flipping) Write(p []byte) (int, error) {
	q := make([]byte, len(p))
	for i := range p {
		q[i] = p[i] ^ 1
	}
	return f.ResponseWriter.Write(q)
}

// silent says nothing until whoever asked gives up.
func silent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// bad are web servers as they should not be, and what becomes of them.
var bad = []struct {
	what  string
	serve func(s *sample) http.HandlerFunc
	fate  string
	most  int32 // requests
}{
	{"not found", func(*sample) http.HandlerFunc { return http.NotFound }, "dropped: it answers 404", 30},
	{"forbidden", status(http.StatusForbidden), "dropped: it answers 403", 30},
	{"range not satisfiable", status(http.StatusRequestedRangeNotSatisfiable), "dropped: it answers 416", 30},
	{"broken", status(http.StatusInternalServerError), "dropped: it answers 500", 30},
	{"encoded", func(*sample) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Encoding", "gzip")
			rw.WriteHeader(http.StatusPartialContent)
		}
	}, "dropped: it gives files encoded", 30},
	{"another range", partial(func(from, to, size int64) string { return fmt.Sprintf("bytes %d-%d/%d", from+1, to+1, size) }, 0), "dropped: it gives another range than asked for", 30},
	{"no range named", partial(func(from, to, size int64) string { return "" }, 0), "dropped: it gives another range than asked for", 30},
	{"file of another size", partial(func(from, to, size int64) string { return fmt.Sprintf("bytes %d-%d/%d", from, to, size+1) }, 0), "dropped: its file has another size", 30},
	{"too much", partial(nil, 1), "dropped: it gave too much", 30},
	{"too little", partial(nil, -1), "dropped: it gave too little", 30},
	{"cut off", func(s *sample) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			from, to, size := asked(s, r)
			rw.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to, size))
			rw.Header().Set("Content-Length", fmt.Sprint(to-from+1))
			rw.WriteHeader(http.StatusPartialContent)
			rw.Write(s.files[0][from : from+10])
			http.NewResponseController(rw).Flush()
			panic(http.ErrAbortHandler)
		}
	}, "dropped: it gave too little", 30},
	{"silence", func(*sample) http.HandlerFunc { return silent }, "dropped: it gave nothing for too long", 30},
	{"silence in the middle", func(s *sample) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			from, to, size := asked(s, r)
			rw.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to, size))
			rw.WriteHeader(http.StatusPartialContent)
			rw.Write(s.files[0][from : from+10])
			http.NewResponseController(rw).Flush()
			silent(rw, r)
		}
	}, "dropped: it gave nothing for too long", 30},
	{"redirect to a private address", func(*sample) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, "http://10.0.0.1/x", http.StatusFound)
		}
	}, "a public URL redirects to a", 4},
	{"wrong bytes", spoiled, "accused, dropped: " + errWrong.Error(), 300},
}

func status(code int) func(*sample) http.HandlerFunc {
	return func(*sample) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(code) }
	}
}

// asked is the range of the only file that a request wants.
func asked(s *sample, r *http.Request) (from, to, size int64) {
	fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to)
	return from, to, int64(len(s.files[0]))
}

// partial answers with 206, a Content-Range of its own if say is not nil, and so many bytes more than asked for. It does
// not say how many.
func partial(say func(from, to, size int64) string, more int64) func(*sample) http.HandlerFunc {
	return func(s *sample) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			from, to, size := asked(s, r)
			value := fmt.Sprintf("bytes %d-%d/%d", from, to, size)
			if say != nil {
				value = say(from, to, size)
			}
			rw.Header().Set("Content-Range", value)
			rw.WriteHeader(http.StatusPartialContent)
			http.NewResponseController(rw).Flush()
			for part := range slices.Chunk(append(s.files[0], 0)[from:to+1+more], 4<<10) {
				rw.Write(part)
			}
		}
	}
}

// TestBadServers: a server that does not give what it should costs time at most. It is dropped, the reason is told, and
// the object comes from another.
func TestBadServers(t *testing.T) {
	for _, c := range bad {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := netxtest.NewWorld(1)
				w.SetLink(nil, nil, netxtest.Link{Delay: 10 * time.Millisecond, Bandwidth: 4 << 10})
				s := makeSample(t, metainfo.FormatV1, 64<<10, 2<<20)
				site := serve(t, w.Host("9.9.9.9"), c.serve(s))
				serve(t, w.Host("9.9.9.8"), s)
				r := newRig(t, w.Host("8.8.8.8"), s, options{urls: []string{"http://9.9.9.9/", "http://9.9.9.8/"}})
				r.fetched(s)
				if fate := r.fate("http://9.9.9.9/"); !strings.Contains(fate, c.fate) {
					t.Errorf("%q, want %q", fate, c.fate)
				}
				if fate := r.fate("http://9.9.9.8/"); fate != "" {
					t.Error("the good one:", fate)
				}
				if n := site.asked.Load(); n > c.most {
					t.Errorf("asked %d times", n)
				}
				// 2 MiB at 16 KiB/s are 128 s.
				if r.complete > 170*time.Second {
					t.Errorf("it took %v", r.complete)
				}
				if r.panics.Load() > 0 {
					t.Error("panics")
				}
			})
		})
	}
}

// TestLimits: the limits of the node hold for web servers too, and their waits are not taken for a server's silence.
func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		s := makeSample(t, metainfo.FormatV1, 64<<10, 1<<20)
		serve(t, w.Host("9.9.9.9"), s)
		r := newRig(t, w.Host("8.8.8.8"), s, options{urls: []string{"http://9.9.9.9/"}, down: 4 << 10})
		r.fetched(s)
		if r.complete < 240*time.Second || r.complete > 300*time.Second {
			t.Errorf("1 MiB at 4 KiB/s took %v", r.complete)
		}
		if fate := r.fate("http://9.9.9.9/"); fate != "" {
			t.Error(fate)
		}
	})
}

// TestRedirect: redirects are followed, and a private address needs a URL without query.
func TestRedirect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		s := makeSample(t, metainfo.FormatV1, 64<<10, 1<<20)
		serve(t, w.Host("9.9.9.8"), s)
		serve(t, w.Host("9.9.9.9"), http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, "http://9.9.9.8"+r.URL.EscapedPath(), http.StatusFound)
		}))
		r := newRig(t, w.Host("8.8.8.8"), s, options{urls: []string{"http://9.9.9.9/"}})
		r.fetched(s)

		serve(t, w.Host("10.0.0.5"), s)
		r = newRig(t, w.Host("8.8.8.7"), s, options{urls: []string{"http://10.0.0.5/?key=1", "ftp://9.9.9.9/", "http://10.0.0.5/"}})
		r.fetched(s)
		synctest.Wait()
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.dropped) != 2 {
			t.Errorf("dropped: %v", r.dropped)
		}
	})
}

// TestFileThatIsMissing: a server that lacks one of many files gives the others.
func TestFileThatIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		s := makeSample(t, metainfo.FormatHybrid, 64<<10, 1<<20, 1<<20, 1<<20)
		half := &sample{paths: map[string][]byte{}}
		for path, b := range s.paths {
			if !strings.Contains(path, "01") {
				half.paths[path] = b
			}
		}
		site := serve(t, w.Host("9.9.9.9"), half)
		r := newRig(t, w.Host("8.8.8.8"), s, options{urls: []string{"http://9.9.9.9/"}})
		time.Sleep(time.Minute)
		if got := r.swarm.Snapshot(time.Now()); got.VerifiedBytes != 2<<20 || got.Sources != 1 {
			t.Errorf("%+v", got)
		}
		if fate := r.fate("http://9.9.9.9/"); fate != "" || site.asked.Load() > 50 {
			t.Error(fate, site.asked.Load())
		}
	})
}

// TestStopAndGoOn: nothing is asked while the object is stopped, and all goes on after it. Peers of the list are named.
func TestStopAndGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		w.SetLink(nil, nil, netxtest.Link{Bandwidth: 64 << 10})
		s := makeSample(t, metainfo.FormatV1, 64<<10, 4<<20)
		site := serve(t, w.Host("9.9.9.9"), s)
		r := newRig(t, w.Host("8.8.8.8"), s, options{urls: []string{"http://9.9.9.9/"}})
		time.Sleep(5 * time.Second)
		list := r.swarm.Peers(time.Now())
		if len(list) != 1 || list[0].Name != "http://9.9.9.9/" || list[0].Network != "web" || list[0].Have != 1 || list[0].DownRate < 100<<10 {
			t.Errorf("%+v", list)
		}
		if got := r.swarm.Snapshot(time.Now()); got.Sources != 1 {
			t.Errorf("%+v", got)
		}
		r.swarm.Stop(swarm.Paused, nil)
		time.Sleep(5 * time.Second)
		before := site.asked.Load()
		time.Sleep(time.Hour)
		if n := site.asked.Load(); n != before || site.now.Load() != 0 {
			t.Errorf("asked %d times while paused", n-before)
		}
		r.swarm.Resume(time.Now())
		r.fetched(s)
	})
}

// TestDiskThatFails is told, and nothing else happens.
func TestDiskThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		s := makeSample(t, metainfo.FormatV1, 64<<10, 1<<20)
		serve(t, w.Host("9.9.9.9"), s)
		full := errors.New("full")
		r := newRig(t, w.Host("8.8.8.8"), s, options{urls: []string{"http://9.9.9.9/"}, budget: 1, change: func(o *Object) {}})
		r.files.mu.Lock()
		r.files.failing = full
		r.files.mu.Unlock()
		time.Sleep(time.Minute)
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.failed != full || len(r.dropped) != 0 {
			t.Error(r.failed, r.dropped)
		}
	})
}

// TestPanicIsContained: it ends the server that it happened at.
func TestPanicIsContained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		s := makeSample(t, metainfo.FormatV1, 64<<10, 1<<20)
		serve(t, w.Host("9.9.9.9"), s)
		r := newRig(t, w.Host("8.8.8.8"), s, options{urls: []string{"http://9.9.9.9/"}, change: func(o *Object) { o.Intake = nil }})
		time.Sleep(time.Minute)
		if r.panics.Load() == 0 || !strings.Contains(r.fate("http://9.9.9.9/"), "dropped") {
			t.Error(r.panics.Load(), r.fate("http://9.9.9.9/"))
		}
	})
}

func FuzzCheckRange(f *testing.F) {
	for _, v := range []string{"bytes 5-14/100", "bytes 5-14/*", "bytes */100", "bytes 5-14", "5-14/100", "bytes -1-3/100", ""} {
		f.Add(v)
	}
	run := content.Extent{Offset: 5, Length: 10}
	f.Fuzz(func(t *testing.T, v string) {
		if checkRange(v, run, 100) != nil {
			return
		}
		if !strings.Contains(v, "5") || !strings.Contains(v, "14") || !strings.Contains(v, "/") {
			t.Errorf("%q is taken for 5-14 of 100", v)
		}
	})
}
