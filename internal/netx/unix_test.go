package netx_test

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/potluck-p2p/potluck/internal/netx"
)

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := netx.ListenUnix(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(path); err != nil {
		t.Fatal(err)
	} else if runtime.GOOS != "windows" && fi.Mode().Perm() != 0o600 {
		t.Errorf("the socket's mode is %v", fi.Mode())
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Host) })}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()

	c := netx.UnixClient(path)
	resp, err := c.Get("http://potluck/")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || string(body) != "potluck" {
		t.Errorf("got %q, %v", body, err)
	}
	resp.Body.Close()
	c.CloseIdleConnections()
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	<-served
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
	if _, err := c.Get("http://potluck/"); err == nil {
		t.Error("a closed socket answered")
	}
}

func TestListenUnixReplacesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	if err := os.WriteFile(path, []byte("mine"), fs.FileMode(0o600)); err != nil {
		t.Fatal(err)
	}
	if l, err := netx.ListenUnix(t.Context(), path); err == nil {
		l.Close()
		t.Fatal("listened over a file")
	}
}
