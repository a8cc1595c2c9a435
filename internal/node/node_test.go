package node

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/create"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/node/news"
	"github.com/potluck-p2p/potluck/internal/vfs"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start opens a node on a home, on a host of its own in a world without sockets. It is closed when the test ends.
func start(t *testing.T, host netx.Network, home string, change ...func(*Config)) *Node {
	t.Helper()
	n, err := Open(context.Background(), config(t, host, home, change...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

func config(t *testing.T, host netx.Network, home string, change ...func(*Config)) Config {
	level := slog.LevelWarn
	if testing.Verbose() {
		level = slog.LevelDebug
	}
	c := Config{
		Home: home, FS: vfs.OS(), Network: host, Now: time.Now,
		Log:     slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: level})),
		Offline: true, DownloadDir: filepath.Join(home, "downloads"), Version: "test", LimitLAN: true,
	}
	for _, f := range change {
		f(&c)
	}
	return c
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(string(bytes.TrimSpace(p)))
	return len(p), nil
}

// await waits for an event of a kind, and fails the test when the object fails first.
func await(t *testing.T, events <-chan Event, id string, kind news.EventKind) Object {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		select {
		case e, ok := <-events:
			if !ok {
				t.Fatal("the events ended")
			}
			if e.Object.ID != id {
				continue
			}
			if e.Kind == kind {
				return e.Object
			}
			if e.Object.Err != nil {
				t.Fatalf("%s: %v", e.Object.State, e.Object.Err)
			}
		case <-deadline:
			t.Fatalf("no %s of %s", kind, id)
		}
	}
}

func writeTree(t *testing.T, dir string, files map[string]int) {
	t.Helper()
	for name, size := range files {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, size)
		io.ReadFull(rand.Reader, b)
		if err := os.WriteFile(p, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func compareTrees(t *testing.T, want, got string) {
	t.Helper()
	err := filepath.WalkDir(want, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(want, p)
		a, _ := os.ReadFile(p)
		b, err := os.ReadFile(filepath.Join(got, rel))
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(a, b) {
			t.Errorf("%s differs", rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestShareAndGet(t *testing.T) {
	for _, format := range []string{"v1", "v2", "hybrid"} {
		for _, by := range []string{"magnet", "torrent"} {
			t.Run(format+" by "+by, func(t *testing.T) {
				w := netxtest.NewWorld(1)
				dir := t.TempDir()
				src := filepath.Join(dir, "photos")
				writeTree(t, src, map[string]int{
					"a.bin": 3_000_000, "empty": 0, "one": 1, "sub/deep/b.bin": 70_000, "sub/c.txt": 16384, "größe.txt": 12345,
				})
				ah, bh := w.Host("10.0.0.1"), w.Host("10.0.0.2")
				a := start(t, ah, filepath.Join(dir, "home-a"))
				shared, err := a.Share(t.Context(), create.Request{Path: src, Format: format, PieceLength: 64 << 10}, nil, nil)
				if err != nil {
					t.Fatal(err)
				}
				b := start(t, bh, filepath.Join(dir, "home-b"))
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				events := b.Subscribe(ctx)
				req := GetRequest{Link: shared.Link, Peers: []string{peerOf(a)}}
				if by == "torrent" {
					if req.Torrent, err = a.Torrent(shared.ID); err != nil {
						t.Fatal(err)
					}
				}
				o, err := b.Get(t.Context(), req)
				if err != nil {
					t.Fatal(err)
				}
				done := await(t, events, o.ID, news.EventDone)
				compareTrees(t, src, done.Path)
			})
		}
	}
}

func peerOf(n *Node) string {
	for _, a := range n.ListenAddrs() {
		if !a.Addr().IsLoopback() {
			return netip.AddrPortFrom(a.Addr(), a.Port()).String()
		}
	}
	return ""
}
