package potluck_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/potluck-p2p/potluck"
)

func openQuiet(t *testing.T, home string) *potluck.Node {
	t.Helper()
	n, err := potluck.Open(t.Context(), potluck.Options{Home: home, NoNetwork: true})
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

func wantError(t *testing.T, err error, code string, exit int) *potluck.Error {
	t.Helper()
	var e *potluck.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, which is no *potluck.Error", err)
	}
	if e.Code != code || e.Exit != exit || e.Message == "" {
		t.Errorf("got %+v, want %s with %d", *e, code, exit)
	}
	return e
}

// A second node on the same home is refused with the name of the first.
func TestOneNodePerHome(t *testing.T) {
	home := t.TempDir()
	openQuiet(t, home)
	_, err := potluck.Open(t.Context(), potluck.Options{Home: home, NoNetwork: true})
	e := wantError(t, err, potluck.CodeLocked, potluck.ExitFailed)
	if !strings.Contains(e.Message, fmt.Sprint(os.Getpid())) {
		t.Errorf("%s does not name the process", e.Message)
	}
	_, err = potluck.Open(t.Context(), potluck.Options{})
	wantError(t, err, potluck.CodeUsage, potluck.ExitUsage)
}

func TestErrorsArePublic(t *testing.T) {
	n := openQuiet(t, t.TempDir())
	_, err := n.Object("ffffffff")
	wantError(t, err, potluck.CodeNotFound, potluck.ExitFailed)
	_, err = n.Get(t.Context(), potluck.GetRequest{Link: "nonsense"})
	wantError(t, err, potluck.CodeNotALink, potluck.ExitUsage)
	_, err = n.Share(t.Context(), potluck.ShareRequest{Path: filepath.Join(t.TempDir(), "gone")})
	wantError(t, err, "no-such-file", potluck.ExitDisk)
	_, err = n.Get(t.Context(), potluck.GetRequest{Link: filepath.Join(t.TempDir(), "gone.torrent")})
	wantError(t, err, "no-such-file", potluck.ExitDisk)
	_, err = potluck.Inspect(t.Context(), "magnet:?dn=nothing")
	wantError(t, err, potluck.CodeNotALink, potluck.ExitUsage)
	_, err = potluck.ParseTorrent([]byte("d4:info"))
	wantError(t, err, "damaged-torrent", potluck.ExitFailed)
}

func TestAsError(t *testing.T) {
	if potluck.AsError(nil) != nil {
		t.Error("nothing became an error")
	}
	wantError(t, potluck.AsError(fmt.Errorf("so: %w", context.Canceled)), potluck.CodeInterrupted, potluck.ExitInterrupted)
	wantError(t, potluck.AsError(errors.New("odd")), potluck.CodeFailed, potluck.ExitFailed)
	own := &potluck.Error{Code: "x", Message: "m", Exit: 7}
	if potluck.AsError(fmt.Errorf("so: %w", own)) != own {
		t.Error("an error of ours became another")
	}
}

// Create, Share and Inspect agree about the same content.
func TestCreateShareInspect(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.bin")
	if err := os.WriteFile(file, []byte(strings.Repeat("x", 100_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	opt := potluck.TorrentOptions{Trackers: []string{"http://tracker.example/announce"}}
	b, created, err := potluck.Create(t.Context(), file, opt)
	if err != nil {
		t.Fatal(err)
	}
	torrent := filepath.Join(dir, "a.torrent")
	if err := os.WriteFile(torrent, b, 0o600); err != nil {
		t.Fatal(err)
	}
	inspected, err := potluck.Inspect(t.Context(), torrent)
	if err != nil {
		t.Fatal(err)
	}
	link, err := potluck.Inspect(t.Context(), created.Link)
	if err != nil {
		t.Fatal(err)
	}
	n := openQuiet(t, filepath.Join(dir, "home"))
	o, err := n.Share(t.Context(), potluck.ShareRequest{Path: file, TorrentOptions: opt})
	if err != nil {
		t.Fatal(err)
	}
	info, err := n.Info(o.ID)
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]potluck.Torrent{"file": inspected, "link": link, "object": info} {
		if got.InfoHashV1 != created.InfoHashV1 || got.InfoHashV2 != created.InfoHashV2 || got.Size != 100_000 || got.Name != "a.bin" || len(got.Trackers) != 1 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if o.Kind != potluck.Shared || o.State != potluck.Seeding || !o.Complete() || o.Path != file || o.ETA >= 0 {
		t.Errorf("shared %+v", o)
	}
}

func TestTorrentPath(t *testing.T) {
	for text, want := range map[string]string{"x.torrent": "x.torrent", "/a/b": "/a/b", "http://h/x.torrent": "", "magnet:?xt=urn:btih:" + strings.Repeat("0", 40): ""} {
		if got, ok := potluck.TorrentPath(text); ok != (want != "") || ok && got != want {
			t.Errorf("%s is at %q, %v", text, got, ok)
		}
	}
}

func TestPrintable(t *testing.T) {
	if got := potluck.Printable("a\x1b[2J\u202egpj.\nü"); got != `a\x1b[2J\u202egpj.\nü` {
		t.Errorf("got %q", got)
	}
}
