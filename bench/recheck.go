package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/peers"
)

// recheckSize is the size of the file that is read again.
const recheckSize = 8 << 30

// Recheck is reading content again, to see whether it is still what it was.
func Recheck(p Programs) Scenario {
	size := scaled(recheckSize)
	return Scenario{
		Name: "recheck", Title: fmt.Sprintf("read %s again, v1", human(size)),
		About: "A torrent of one file, all of which is there and in the page cache, is checked. potluck (`verify`), libtorrent (with one " +
			"hashing thread, as by default: with two it needs longer here) and the floor are measured from the start of the program to its end, " +
			"the others from the moment they are given the torrent until they seed it.",
		Prepare: func(t *testing.T) []Contender {
			w := NewFile(t, peers.V1, size)
			script := libtorrentWork(t)
			return []Contender{
				{Name: "floor", Kind: Floor, Run: func(t *testing.T) (Run, error) {
					return alone(t, "floor", size, p.Floor, "hash", "v1", filepath.Join(w.Dir, w.Info.Name))
				}},
				{Name: "potluck", Kind: Ours, Goals: []Goal{AtMost(1.1, Wall, OfFloor), AtMost(1, Wall, OfOthers)}, Run: w.verified(t, p)},
				{Name: "libtorrent", Kind: Other, Run: func(t *testing.T) (Run, error) {
					return alone(t, "libtorrent", size, python, script, "check", w.Torrent, w.Dir)
				}},
				{Name: "aria2", Kind: Other, Run: w.checked(peers.Aria2)},
				{Name: "rtorrent", Kind: Other, Run: w.checked(peers.Rtorrent)},
				{Name: "transmission", Kind: Other, Run: w.checked(peers.Transmission)},
			}
		},
	}
}

// verified is how potluck reads again what it knows.
func (w Work) verified(t *testing.T, p Programs) func(t *testing.T) (Run, error) {
	t.Helper()
	home := filepath.Join(t.TempDir(), "home")
	get := exec.Command(p.Potluck, "get", w.Torrent, "-o", w.Dir, "--home", home, "--offline")
	if said, err := get.CombinedOutput(); err != nil {
		t.Fatalf("potluck get: %v\n%s", err, said)
	}
	return func(t *testing.T) (Run, error) {
		return alone(t, "potluck", w.Size, p.Potluck, "verify", w.Info.Hashes()[0], "--home", home, "--offline")
	}
}

// checked is how a client of test/peers checks what it finds when it is given a torrent.
func (w Work) checked(c peers.Client) func(t *testing.T) (Run, error) {
	return func(t *testing.T) (Run, error) {
		// Clients leave things beside the content, and take them for its state the next time.
		dir := t.TempDir()
		if err := os.Symlink(filepath.Join(w.Dir, w.Info.Name), filepath.Join(dir, w.Info.Name)); err != nil {
			t.Fatal(err)
		}
		f := Others{c}.Fetch(t, Job{Torrent: w.Torrent, Dir: dir})
		defer f.Stop()
		m := Watch()
		began := time.Now()
		f.Begin(m)
		took, err := Wait([]Fetch{f}, began)
		used := m.Stop()
		if err != nil {
			return Run{}, err
		}
		return Run{Wall: took[0], Bytes: w.Size, Sides: used}, nil
	}
}
