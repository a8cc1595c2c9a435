package bench

import (
	"context"
	"encoding/json"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/peers"
)

// patience is how long a transfer may take.
const patience = 5 * time.Minute

// Work is what is to be transferred.
type Work struct {
	// Torrent is a .torrent, Dir the folder that holds its content.
	Torrent, Dir string
	Size         int64
}

// NewWork makes a file of random bytes and a .torrent of it, of a format that all know.
func NewWork(t testing.TB, size int64) Work {
	t.Helper()
	w := Work{Torrent: filepath.Join(t.TempDir(), "work.torrent"), Dir: t.TempDir(), Size: size}
	path := peers.WriteFile(t, filepath.Join(w.Dir, "work"), 1, size)
	peers.Make(t, path, w.Torrent, peers.MakeOptions{Format: peers.V1})
	return w
}

// Client is a program that seeds and fetches over uTP alone.
type Client interface {
	Name() string
	// Seed offers the work until stop, and returns when it listens.
	Seed(t testing.TB, at Place, w Work) (stop func())
	// Fetch begins to fetch it into dir.
	Fetch(t testing.TB, at Place, w Work, dir string, from netip.AddrPort) Fetching
}

// Fetching is a client that fetches.
type Fetching struct {
	// Wait returns when it has all, Stop ends it.
	Wait, Stop func()
}

// Transfer is how fast the work goes from one client to another, in MB/s, from the start of the one who fetches until it has it.
func Transfer(t testing.TB, w Work, seed, leech Client, from, to Place) float64 {
	t.Helper()
	stop := seed.Seed(t, from, w)
	defer stop()
	dir := t.TempDir()
	start := time.Now()
	fetching := leech.Fetch(t, to, w, dir, from.Addr)
	defer fetching.Stop()
	fetching.Wait()
	took := time.Since(start)
	peers.Same(t, filepath.Join(w.Dir, "work"), filepath.Join(dir, "work"))
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	return float64(w.Size) / 1e6 / took.Seconds()
}

// Libtorrent is libtorrent over uTP.
type Libtorrent struct{}

// Name implements Client.
func (Libtorrent) Name() string { return "libtorrent" }

// Seed implements Client.
func (Libtorrent) Seed(t testing.TB, at Place, w Work) (stop func()) {
	return peers.Libtorrent.Seed(t, peers.Options{Torrent: w.Torrent, Dir: w.Dir, Listen: at.Addr, Host: at.Host, UTP: true}).Stop
}

// Fetch implements Client.
func (Libtorrent) Fetch(t testing.TB, at Place, w Work, dir string, from netip.AddrPort) Fetching {
	p := peers.Libtorrent.Start(t, peers.Options{
		Torrent: w.Torrent, Dir: dir, Listen: at.Addr, Host: at.Host, UTP: true, Dial: []netip.AddrPort{from},
	})
	return Fetching{func() { peers.WaitDone(t, p, patience) }, p.Stop}
}

// Potluck is the binary at this path.
type Potluck string

// Name implements Client.
func (Potluck) Name() string { return "potluck" }

// Seed implements Client.
func (p Potluck) Seed(t testing.TB, at Place, w Work) (stop func()) {
	out, in := io.Pipe()
	// It finds that all is there already.
	seed := p.start(t, at, in, "get", w.Torrent, "-o", w.Dir, "--seed")
	ready := make(chan struct{})
	go func() {
		defer out.CloseWithError(io.ErrClosedPipe)
		for lines := json.NewDecoder(out); ; {
			var line struct{ Type string }
			if lines.Decode(&line) != nil {
				return
			}
			if line.Type == "done" {
				close(ready)
				_, _ = io.Copy(io.Discard, out)
				return
			}
		}
	}()
	select {
	case <-ready:
	case <-seed.Done():
		t.Fatalf("potluck ended: %s", seed.LogTail(500))
	case <-time.After(patience):
		t.Fatal("potluck did not seed")
	}
	return func() {
		seed.Stop()
		in.Close()
	}
}

// Fetch implements Client.
func (p Potluck) Fetch(t testing.TB, at Place, w Work, dir string, from netip.AddrPort) Fetching {
	get := p.start(t, at, io.Discard, "get", w.Torrent, "-o", dir, "--peer", from.String())
	wait := func() {
		select {
		case <-get.Done():
		case <-time.After(patience):
		}
		if !get.Ended() || get.ExitCode() != 0 {
			t.Fatalf("potluck did not get it: %s", get.LogTail(500))
		}
	}
	return Fetching{wait, get.Stop}
}

func (p Potluck) start(t testing.TB, at Place, out io.Writer, args ...string) *peers.Process {
	args = append(args, "--json", "--home", t.TempDir(), "--listen", at.Addr.String(), "--offline")
	cmd := at.Host.Command(context.Background(), string(p), args...)
	cmd.Env = append(os.Environ(), "POTLUCK_DHT=false")
	cmd.Stdout = out
	return peers.StartProcess(t, "potluck", cmd)
}
