package bench

import (
	"bytes"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/peers"
)

// Route is from where to where something is transferred, and how.
type Route struct {
	Way
	// From and To are places of a lab; the zero value is an address of its own in one network.
	From, To Place
	// Seeds is how many have everything, Leeches how many fetch it; 0 is one.
	Seeds, Leeches int
	// Up bounds what a seed sends, in bytes per second; 0 is no bound.
	Up int
}

// Transfer lets clients of one kind fetch the work from those of another, and measures from the word to begin until the last
// has everything.
func (w Work) Transfer(t *testing.T, seed, leech Client, r Route) (Run, error) {
	t.Helper()
	seeds, leeches := max(r.Seeds, 1), max(r.Leeches, 1)
	here := w
	var tracker *peers.Tracker
	if !leech.Dials() || leeches > 1 {
		tracker = peers.StartTracker(t, w.Info.Hashes()...)
		defer tracker.Stop()
		here = w.At(t, tracker.HTTP())
	}
	var offering []*peers.Process
	var from []netip.AddrPort
	for range seeds {
		p := seed.Seed(t, Job{Torrent: here.Torrent, Dir: w.Dir, At: r.From, Way: r.Way, Up: r.Up})
		defer p.Stop()
		offering, from = append(offering, p.Process), append(from, p.Addr)
	}
	if tracker != nil {
		tracker.WaitSeeds(t, seeds, w.Info.Hashes()[0])
		from = nil
	}
	var all []Fetch
	var dirs []string
	for range leeches {
		dir := t.TempDir()
		f := leech.Fetch(t, Job{Torrent: here.Torrent, Dir: dir, At: r.To, From: from, Way: r.Way})
		defer f.Stop()
		all, dirs = append(all, f), append(dirs, dir)
	}
	warm(t, int64(leeches)*w.Size)
	meter := Watch(offering...)
	began := time.Now()
	for _, f := range all {
		f.Begin(meter)
	}
	took, err := Wait(all, began)
	used := meter.Stop()
	if err != nil {
		return Run{}, err
	}
	for i, f := range all {
		f.Stop()
		w.Compare(t, dirs[i])
	}
	return Run{
		Wall: slices.Max(took), Bytes: int64(leeches) * w.Size,
		Sides: []Usage{together(used[:seeds]), together(used[seeds:])},
	}, nil
}

// together is what several programs used: all of their time, and the memory of the one that had most.
func together(all []Usage) Usage {
	var sum Usage
	for _, u := range all {
		sum = Usage{CPU: sum.CPU + u.CPU, Anon: max(sum.Anon, u.Anon), RSS: max(sum.RSS, u.RSS)}
	}
	return sum
}

// warm makes the machine have memory for what is written next: one that is virtual gives back to its host what is free, and
// has every page fetched again later, at several times the cost.
func warm(t *testing.T, size int64) {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "warm"))
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(file.Name())
	defer file.Close()
	block := bytes.Repeat([]byte{1}, 1<<20)
	for done := int64(0); done < size+size/8; done += int64(len(block)) {
		if _, err := file.Write(block); err != nil {
			t.Fatal(err)
		}
	}
}

// between is how a contender transfers the work.
func (w Work) between(seed, leech Client, r Route) func(t *testing.T) (Run, error) {
	return func(t *testing.T) (Run, error) { return w.Transfer(t, seed, leech, r) }
}

// floor is the floor of a transfer of the work.
func (w Work) floor(p Programs) Contender {
	return Contender{Name: "floor", Kind: Floor, Run: func(t *testing.T) (Run, error) {
		list, dir := w.List(t), t.TempDir()
		at := peers.Address().String()
		hash := "sha1"
		if w.Format != peers.V1 {
			hash = "sha256"
		}
		ready, in := io.Pipe()
		serve := exec.Command(p.Floor, "serve", at, w.Dir, list)
		serve.Stdout = in
		seed := peers.StartProcess(t, "floor-serve", serve)
		if _, err := io.ReadFull(ready, make([]byte, len("ready\n"))); err != nil {
			t.Fatal(err)
		}
		meter := Watch(seed)
		warm(t, w.Size)
		began := time.Now()
		leech := peers.StartProcess(t, "floor-fetch", exec.Command(p.Floor, "fetch", at, dir, list, hash))
		meter.AddNew(leech)
		<-leech.Done()
		run := Run{Wall: time.Since(began), Bytes: w.Size, Sides: meter.Stop()}
		if leech.ExitCode() != 0 {
			t.Fatal(leech.LogTail(500))
		}
		w.Compare(t, dir)
		return run, nil
	}}
}
