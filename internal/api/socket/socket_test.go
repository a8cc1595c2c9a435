package socket_test

import (
	"bytes"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/potluck-p2p/potluck/internal/api/socket"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

// homes are a short one and one whose own path is too long for a socket in it.
func homes(t *testing.T) map[string]string {
	temp, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(temp) })
	t.Setenv("TMPDIR", temp)
	long := filepath.Join(temp, strings.Repeat("long", 30), "home")
	short := filepath.Join(temp, "home")
	for _, dir := range []string{long, short} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return map[string]string{"short": short, "long": long}
}

func listen(t *testing.T, home string) net.Listener {
	t.Helper()
	l, err := socket.Listen(t.Context(), vfs.OS(), bytes.NewReader([]byte("12345678")), home, socket.API)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestListen(t *testing.T) {
	for name, home := range homes(t) {
		t.Run(name, func(t *testing.T) {
			l := listen(t, home)
			path, err := socket.Path(vfs.OS(), home, socket.API)
			if err != nil || path != l.Addr().String() || len(path) > netx.MaxUnixPath {
				t.Fatalf("the socket at %v is looked for at %q, %v", l.Addr(), path, err)
			}
			c, err := net.Dial("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			c.Close()
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			left, err := filepath.Glob(filepath.Join(os.TempDir(), "potluck-*"))
			if err != nil || len(left) > 0 {
				t.Errorf("left %v, %v", left, err)
			}
			if entries, err := os.ReadDir(home); err != nil || len(entries) > 0 {
				t.Errorf("left %v in the home, %v", entries, err)
			}
		})
	}
}

// A node that was killed leaves its socket, which the next one replaces.
func TestListenAfterCrash(t *testing.T) {
	for name, home := range homes(t) {
		t.Run(name, func(t *testing.T) {
			dead := listen(t, home)
			defer dead.Close()
			path := dead.Addr().String()
			l, err := socket.Listen(t.Context(), vfs.OS(), bytes.NewReader([]byte("87654321")), home, socket.API)
			if err != nil {
				t.Fatal(err)
			}
			now := l.Addr().String()
			if _, err := os.Lstat(filepath.Dir(path)); now != path && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the old socket's folder is still there: %v", err)
			}
			if found, err := socket.Path(vfs.OS(), home, socket.API); err != nil || found != now {
				t.Errorf("the socket at %s is looked for at %s, %v", now, found, err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestNoSocket(t *testing.T) {
	for name, home := range homes(t) {
		path, err := socket.Path(vfs.OS(), home, socket.API)
		if name == "long" && !errors.Is(err, fs.ErrNotExist) || name == "short" && (err != nil || path != filepath.Join(home, "api.sock")) {
			t.Errorf("%s: got %q, %v", name, path, err)
		}
	}
}

func TestSomethingElseIsThere(t *testing.T) {
	home := homes(t)["short"]
	name := filepath.Join(home, "api.sock")
	if err := os.WriteFile(name, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if l, err := socket.Listen(t.Context(), vfs.OS(), nil, home, socket.API); err == nil {
		l.Close()
		t.Fatal("replaced a file")
	}
	if b, err := os.ReadFile(name); err != nil || string(b) != "mine" {
		t.Errorf("got %q, %v", b, err)
	}
}
