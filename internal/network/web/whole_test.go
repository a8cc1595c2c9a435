package web

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// rangeless gives files only as a whole.
func rangeless(s *sample) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		r.Header.Del("Range")
		s.ServeHTTP(rw, r)
	}
}

// TestWithoutRanges: a server that gives files only as a whole gives an object alone, each file about once and one at a time.
func TestWithoutRanges(t *testing.T) {
	for _, c := range []struct {
		what   string
		format metainfo.Format
		sizes  []int
	}{
		{"one large file", metainfo.FormatV1, []int{9_000_001}},
		{"v1, pieces over many files", metainfo.FormatV1, []int{1, 900_000, 0, 16 << 10, 3, 5, 7, 65 << 10, 3_000_001}},
		{"hybrid, with padding", metainfo.FormatHybrid, []int{1, 900_000, 0, 16 << 10, 3, 5, 7, 65 << 10, 3_000_001}},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := netxtest.NewWorld(1)
				w.SetLink(nil, nil, netxtest.Link{Delay: 20 * time.Millisecond, Bandwidth: 4 << 20})
				s := makeSample(t, c.format, 64<<10, c.sizes...)
				site := serve(t, w.Host("9.9.9.9"), rangeless(s))
				r := newRig(t, w.Host("8.8.8.8"), s, options{urls: []string{"http://9.9.9.9/"}})
				r.fetched(s)
				if fate := r.fate("http://9.9.9.9/"); fate != "" || r.panics.Load() > 0 {
					t.Error(fate)
				}
				if n, most := site.asked.Load(), int32(perServer+len(c.sizes)); n > most {
					t.Errorf("asked %d times", n)
				}
				// What the first requests were given before they were closed comes on top.
				if n := s.info.Object().Size(); site.bytes.Load() > 3*n {
					t.Errorf("%d bytes were given, of %d", site.bytes.Load(), n)
				}
				if r.complete > 8*time.Second {
					t.Errorf("it took %v", r.complete)
				}
			})
		})
	}
}

// TestWithoutRangesBesidePeer: what a peer gave meanwhile is thrown away, and both are of use.
func TestWithoutRangesBesidePeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size, rate = 24 << 20, 1 << 20
		w := netxtest.NewWorld(1)
		w.SetLink(nil, nil, netxtest.Link{Delay: 20 * time.Millisecond, Bandwidth: rate})
		s := makeSample(t, metainfo.FormatV1, 256<<10, size)
		site := serve(t, w.Host("9.9.9.9"), rangeless(s))
		newRig(t, w.Host("7.7.7.7"), s, options{has: true})
		r := newRig(t, w.Host("8.8.8.8"), s, options{urls: []string{"http://9.9.9.9/"}})
		r.swarm.Found(swarm.FromUser, netip.MustParseAddrPort("7.7.7.7:7000"))
		r.fetched(s)
		t.Logf("it took %v, and %d bytes in %d requests", r.complete, site.bytes.Load(), site.asked.Load())
		if r.complete > 24*time.Second {
			t.Errorf("it took %v, and the peer alone takes 24 s", r.complete)
		}
		if site.bytes.Load() > 3*size {
			t.Errorf("%d bytes were given", site.bytes.Load())
		}
	})
}

// TestWithoutRangesForEver: a file that never comes to its end is not asked for over and over.
func TestWithoutRangesForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 4 << 20
		w := netxtest.NewWorld(1)
		w.SetLink(nil, nil, netxtest.Link{Delay: 20 * time.Millisecond, Bandwidth: 1 << 20})
		s := makeSample(t, metainfo.FormatV1, 64<<10, size)
		site := serve(t, w.Host("9.9.9.9"), http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			// The first mebibyte comes, again and again.
			rw.WriteHeader(http.StatusOK)
			rw.Write(s.files[0][:1<<20])
		}))
		r := newRig(t, w.Host("8.8.8.8"), s, options{urls: []string{"http://9.9.9.9/"}})
		time.Sleep(time.Hour)
		if fate := r.fate("http://9.9.9.9/"); !strings.Contains(fate, "dropped") {
			t.Errorf("%q", fate)
		}
		if got := r.swarm.Snapshot(time.Now()).VerifiedBytes; got < 512<<10 {
			t.Errorf("%d bytes came", got)
		}
		if site.bytes.Load() > 3*size {
			t.Errorf("%d bytes were given in %d requests", site.bytes.Load(), site.asked.Load())
		}
	})
}
