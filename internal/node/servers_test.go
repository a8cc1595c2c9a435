package node

import (
	"bytes"
	"context"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/create"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/node/news"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// TestGetFromWebServer: an object comes from a web server alone; the server is listed while it is asked, and goes on in the
// link and the .torrent.
func TestGetFromWebServer(t *testing.T) {
	w := netxtest.NewWorld(1)
	dir := t.TempDir()
	src := filepath.Join(dir, "my photos")
	writeTree(t, src, map[string]int{"a.bin": 3_000_000, "empty": 0, "sub/größe.txt": 12345})
	host := w.Host("10.0.0.9")
	l, err := host.ListenTCP(t.Context(), netip.MustParseAddrPort("10.0.0.9:80"))
	if err != nil {
		t.Fatal(err)
	}
	asked, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	files := http.FileServer(http.Dir(dir))
	srv := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		once.Do(func() { close(asked) })
		<-release
		files.ServeHTTP(rw, r)
	})}
	var running sync.WaitGroup
	running.Go(func() { _ = srv.Serve(l) })
	t.Cleanup(func() {
		srv.Close()
		running.Wait()
	})

	const url = "http://10.0.0.9/"
	a := start(t, w.Host("10.0.0.1"), filepath.Join(dir, "home-a"))
	shared, err := a.Share(t.Context(), create.Request{Path: src, WebSeeds: []string{url}, PieceLength: 64 << 10}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	torrent, err := a.Torrent(shared.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := metainfo.Parse(torrent); err != nil || len(got.WebSeeds) != 1 || got.WebSeeds[0] != url || !strings.Contains(shared.Link, "&ws=") {
		t.Errorf("%v, %v, %s", got.WebSeeds, err, shared.Link)
	}

	b := start(t, w.Host("10.0.0.2"), filepath.Join(dir, "home-b"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	events := b.Subscribe(ctx)
	o, err := b.Get(t.Context(), GetRequest{Torrent: torrent})
	if err != nil {
		t.Fatal(err)
	}
	<-asked
	list, err := b.Peers(o.ID)
	if err != nil || len(list) != 1 || list[0].Address != url || list[0].Network != "web" || list[0].Have != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	close(release)
	done := await(t, events, o.ID, news.EventDone)
	compareTrees(t, src, done.Path)
	again, err := b.Torrent(o.ID)
	if err != nil || !bytes.Contains(again, []byte(url)) {
		t.Error("the .torrent does not name the web seed", err)
	}
}

// TestServersToBlame: when there is nobody but web servers that are of no use, an object fails in time, and the reason is told.
func TestServersToBlame(t *testing.T) {
	for _, c := range []struct {
		what, says string
		serve      http.HandlerFunc
	}{
		{"silence", "http://10.0.0.9/ has given nothing", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		{"not there", "http://10.0.0.9/: it answers 404", http.NotFound},
	} {
		t.Run(c.what, func(t *testing.T) {
			inHouse(t, "v1", uneven, func(t *testing.T, h *house) {
				raw, err := h.seed.Torrent(h.shared.ID)
				if err != nil {
					t.Fatal(err)
				}
				h.seed.Close()
				l, err := h.world.Host("10.0.0.9").ListenTCP(t.Context(), netip.MustParseAddrPort("10.0.0.9:80"))
				if err != nil {
					t.Fatal(err)
				}
				srv := &http.Server{Handler: c.serve}
				var running sync.WaitGroup
				running.Go(func() { _ = srv.Serve(l) })
				t.Cleanup(func() {
					srv.Close()
					running.Wait()
				})
				torrent, err := metainfo.Parse(raw)
				if err != nil {
					t.Fatal(err)
				}
				torrent.WebSeeds = []string{"http://10.0.0.9/"}
				n := h.fetcher("10.0.0.2")
				begun := time.Now()
				o := h.get(n, func(r *GetRequest) {
					r.Link, r.Torrent, r.Peers, r.Wait = "", torrent.Append(nil), nil, 3*time.Second
				})
				o = until(t, n, o.ID, "failed", func(o Object) bool { return o.Err != nil })
				if took := time.Since(begun); took > 5*time.Second {
					t.Errorf("gave up after %v", took)
				}
				if o.Err.Code != "no-source" || o.Err.Hint == "" || !strings.Contains(o.Err.Message, c.says) {
					t.Errorf("%+v", o.Err)
				}
			})
		})
	}
}
