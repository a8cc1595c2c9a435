// judged as internal/network/web/planted.go

package web

import (
	"crypto/tls"
	. "fmt" // want "no dot imports"
	"log"
	"log/slog"
	"math/rand"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

func network(l *slog.Logger) {
	_ = net.Dialer{}                          // want "only netx dials"
	_, _ = net.Listen("tcp", ":0")            // want "only netx dials"
	_, _ = net.DefaultResolver, net.ErrClosed // want "only netx dials"
	_, _ = http.Get("http://example.org")     // want "HTTP goes through netx"
	_ = http.DefaultClient                    // want "HTTP goes through netx"
	_ = http.Client{}                         // want "HTTP goes through netx"
	_ = tls.Config{InsecureSkipVerify: true}  // want "certificates are checked"
	_, _ = tls.Dial("tcp", "x", nil)          // want "only netx dials"
	_, _ = syscall.Socket(0, 0, 0)            // want "only vfs and netx"
	_ = new(http.Transport)                   // want "HTTP goes through netx"
	var own http.Client                       // want "HTTP goes through netx"
	var given *http.Client
	var l2 net.Listener
	_, _, _ = own, given, l2
	_ = http.StatusOK
	var c net.Conn
	_ = c
}

func others(l *slog.Logger) time.Time {
	_ = filepath.WalkDir // want "only vfs reads folders"
	_ = filepath.Join("a", "b")
	_ = os.Stdout // want "only a command"
	_ = os.ErrNotExist
	_ = rand.Intn(3) // want "source that is handed in"
	log.Print("x")   // want "logger that is handed in"
	slog.Info("x")   // want "logger that is handed in"
	l.Info("x", "level", slog.LevelInfo)
	Println("FIXME in a string is no note")
	time.Sleep(1) // want "nothing sleeps"
	return time.Now()
}

/* a block comment
   FIXME: planted, want "notes to self"
*/
