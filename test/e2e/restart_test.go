package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/netns"
	"github.com/potluck-p2p/potluck/test/peers"
)

// TestManyObjectsAfterKill: 300 shares and 20 fetches half done are all there again within 5 seconds of kill -9, and the
// fetches go on.
func TestManyObjectsAfterKill(t *testing.T) {
	netns.Need(t)
	const shares, fetches, size, within = 300, 20, 1 << 20, 5 * time.Second

	var sources []string
	for i := range fetches {
		sources = append(sources, peers.WriteFile(t, filepath.Join(t.TempDir(), fmt.Sprintf("source%d.bin", i)), uint64(i+1), size))
	}
	_, given := newNode(t).share(t, sources, "--up", "2M")

	n := newNode(t)
	n.ok(t, "config", "set", "active_fetches", "0")
	up := n.start(t, "up", "--api", "127.0.0.1:0")
	up.waitFor(t, "potluck to be up", func(l line) bool { return l.Type == "status" })
	var mine []string
	dir := t.TempDir()
	for i := range shares {
		mine = append(mine, peers.WriteFile(t, filepath.Join(dir, fmt.Sprintf("mine%d.bin", i)), uint64(1000+i), 3000))
	}
	before := make(map[string]string)
	for _, l := range n.ok(t, append([]string{"share"}, mine...)...) {
		before[l.ID] = "seeding"
	}
	out := t.TempDir()
	args := []string{"get", "--detach", "-o", out}
	for _, l := range given {
		args = append(args, l.Link)
	}
	half := make(map[string]int64)
	for _, l := range n.ok(t, args...) {
		half[l.ID] = 0
		before[l.ID] = "fetching"
	}
	if len(before) != shares+fetches {
		t.Fatalf("%d objects were accepted", len(before))
	}
	peers.Wait(t, time.Minute, "all fetches to have something", func() (bool, any) {
		some := 0
		for _, l := range n.ok(t, "ls") {
			if _, ok := half[l.ID]; ok && l.BytesDone > 0 {
				half[l.ID] = l.BytesDone
				some++
			}
		}
		return some == fetches, half
	})
	up.Kill()

	began := time.Now()
	up = n.start(t, "up", "--api", "127.0.0.1:0")
	up.waitFor(t, "potluck to be up again", func(l line) bool { return l.Type == "status" })
	peers.Wait(t, time.Minute, "all objects to be back", func() (bool, any) {
		back, checking := 0, 0
		for _, l := range n.ok(t, "ls") {
			switch {
			case l.State == "checking":
				checking++
			case l.State == before[l.ID] || before[l.ID] == "fetching" && l.State == "seeding":
				back++
			}
		}
		return back == shares+fetches, fmt.Sprintf("%d are back, %d are checked", back, checking)
	})
	if took := time.Since(began); took > within {
		t.Errorf("back after %v", took)
	} else {
		t.Logf("back after %v", took)
	}
	peers.Wait(t, time.Minute, "the fetches to end", func() (bool, any) {
		done := 0
		for _, l := range n.ok(t, "ls") {
			if _, ok := half[l.ID]; !ok || l.State != "seeding" {
				continue
			}
			// It seeds as soon as it is verified, and has its name when it is durable as well.
			if _, err := os.Stat(l.Path); err == nil {
				done++
			}
		}
		return done == fetches, done
	})
	for _, source := range sources {
		peers.Same(t, source, filepath.Join(out, filepath.Base(source)))
	}
	n.ok(t, "down")
}
