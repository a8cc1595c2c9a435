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
