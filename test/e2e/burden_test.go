package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/netns"
	"github.com/potluck-p2p/potluck/test/peers"
)

// Five hundred peers at once who ask for more than they read, stop in the middle of what they send, or send what nobody wants
// (bench/load) leave a node's memory within a cap, the node answers its user, and an honest peer beside them gets its file.
func TestFiveHundredGreedyPeersLeaveMemoryWithinTheCap(t *testing.T) {
	const (
		crowd = 500
		// As many as one object has peers at most, they would not all find a place at one.
		objects, size = 10, 2 << 20
		// 64 MiB of large buffers, 32 MiB of pieces under way, the program itself, and half of that again for what the collector
		// has not swept.
		mostAnon = 192 << 20
	)
	load := buildLoad(t)
	t.Setenv("POTLUCK_MAX_PEERS", strconv.Itoa(2*crowd))
	content, made := t.TempDir(), t.TempDir()
	n := newNode(t)
	seed := n.start(t, "up")
	seed.waitFor(t, "the node to be up", func(l line) bool { return l.Type == "status" })
	var torrents []string
	for i := range objects {
		name := fmt.Sprint("shared", i)
		file := peers.WriteFile(t, filepath.Join(content, name), uint64(i), size)
		torrent := filepath.Join(made, name+".torrent")
		peers.Make(t, file, torrent, peers.MakeOptions{Format: peers.Hybrid, PieceSize: 256 << 10})
		n.run(t, "get", torrent, "-o", content).exits(t, 0)
		torrents = append(torrents, torrent)
	}
	watch := watchMemory(t, seed.PID())

	cmd := exec.Command(load, append([]string{
		"-n", strconv.Itoa(crowd), "-dial", n.addr.String(), "-from", netns.Stranger(0).String(), "greedy"}, torrents...)...)
	say, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, in := io.Pipe()
	cmd.Stdout = in
	peers.StartProcess(t, "load", cmd)
	t.Cleanup(func() { in.Close() })
	fmt.Fprintln(say, "go")
	if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
		t.Fatal(err)
	}
	answers, most := json.NewDecoder(out), 0
	peers.Wait(t, time.Minute, "all of the greedy to have been let in", func() (bool, any) {
		fmt.Fprintln(say, "count")
		var c struct{ Connected, Met int }
		if err := answers.Decode(&c); err != nil {
			t.Fatal(err)
		}
		most = max(most, c.Connected)
		t.Log(c)
		return c.Met == crowd, c
	})

	honest := newNode(t)
	dir := t.TempDir()
	honest.run(t, "get", torrents[0], "-o", dir, "--peer", n.addr.String()).exits(t, 0)
	peers.Same(t, filepath.Join(content, "shared0"), filepath.Join(dir, "shared0"))
	n.run(t, "status").exits(t, 0)
	if anon := watch(); anon > mostAnon {
		t.Errorf("%d MiB of anonymous memory, at most %d are allowed", anon>>20, mostAnon>>20)
	} else {
		t.Logf("%d of the greedy inside together, %d MiB of anonymous memory at most", most, anon>>20)
	}
}

// buildLoad builds the synthetic peers.
func buildLoad(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "load")
	if out, err := exec.Command("go", "build", "-o", path, "../../bench/load").CombinedOutput(); err != nil {
		t.Fatalf("building bench/load: %v\n%s", err, out)
	}
	return path
}

// watchMemory looks at a process until the returned function is called, which returns the most anonymous memory that it had.
func watchMemory(t *testing.T, pid int) func() int64 {
	t.Helper()
	stop, most := make(chan struct{}), make(chan int64, 1)
	go func() {
		beat := time.NewTicker(50 * time.Millisecond)
		defer beat.Stop()
		for peak := int64(0); ; {
			peak = max(peak, anonymous(pid))
			select {
			case <-beat.C:
			case <-stop:
				most <- peak
				return
			}
		}
	}()
	return func() int64 {
		close(stop)
		return <-most
	}
}

// anonymous is the anonymous memory of a process in bytes.
func anonymous(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(text), "RssAnon:")
	var kib int64
	fmt.Sscan(after, &kib)
	return kib << 10
}
