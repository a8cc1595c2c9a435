package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/netns"
	"github.com/potluck-p2p/potluck/test/peers"
)

// Five hundred peers inside at once who ask for more than they read, stop in the middle of what they send, or send what nobody
// wants (bench/load) leave a node's memory within a cap at all times, the node answers its user, an honest peer beside them gets
// all that it wants. The node fetches meanwhile, from peers that send half a block each.
func TestFiveHundredGreedyPeersLeaveMemoryWithinTheCap(t *testing.T) {
	const (
		inside = 500
		// Some are sent away and come again.
		crowd = 640
		// As many as one object has peers at most (80), they would not all find a place at fewer than seven.
		objects, size = 16, 4 << 20
		// What the node lacks, and has nobody to get from but those who send half a block.
		lacking = 2
		// 64 MiB of large buffers, 32 MiB of pieces under way, the program itself, a quarter of a MiB of answers for each of the
		// hundred who ask for hashes and do not read, and half of that again for what the collector has not swept.
		mostAnon = 256 << 20
	)
	load := buildLoad(t)
	t.Setenv("POTLUCK_MAX_PEERS", strconv.Itoa(2*crowd))
	t.Setenv("POTLUCK_RATIO", "0") // however much they take, it goes on
	content, made, fetched := t.TempDir(), t.TempDir(), t.TempDir()
	var names, torrents []string
	for i := range lacking + objects {
		names = append(names, fmt.Sprint("shared", i))
		file := peers.WriteFile(t, filepath.Join(content, names[i]), uint64(i), size)
		torrents = append(torrents, filepath.Join(made, names[i]+".torrent"))
		peers.Make(t, file, torrents[i], peers.MakeOptions{Format: peers.Hybrid, PieceSize: 256 << 10})
	}
	lacked, shared := torrents[:lacking], torrents[lacking:]
	n := newNode(t)
	up := n.start(t, "up")
	up.waitFor(t, "the node to be up", func(l line) bool { return l.Type == "status" })
	n.ok(t, slices.Concat([]string{"get", "-o", content}, shared)...)
	n.ok(t, slices.Concat([]string{"get", "--detach", "-o", fetched}, lacked)...)
	watch := watchMemory(t, up.PID())

	c := dialInCrowd(t, exec.Command(load, slices.Concat([]string{
		"-n", strconv.Itoa(crowd), "-dial", n.addr.String(), "-from", netns.Stranger(0).String(), "-lacking", strconv.Itoa(lacking),
		"greedy"}, torrents)...))
	peers.Wait(t, 12*time.Second, "five hundred greedy peers inside", func() (bool, any) {
		now := c.count(t)
		return now >= inside, now
	})

	honest, dir := newNode(t), t.TempDir()
	honest.ok(t, slices.Concat([]string{"get", "-o", dir, "--peer", n.addr.String()}, shared)...)
	for _, name := range names[lacking:] {
		peers.Same(t, filepath.Join(content, name), filepath.Join(dir, name))
	}
	n.ok(t, "status")
	if anon := watch(); anon > mostAnon {
		t.Errorf("%d MiB of anonymous memory, at most %d are allowed", anon>>20, mostAnon>>20)
	} else {
		t.Logf("%d of the greedy inside at the end, %d MiB of anonymous memory at most", c.count(t), anon>>20)
	}
}

// greedyCrowd is a running bench/load.
type greedyCrowd struct {
	say     io.Writer
	answers *json.Decoder
}

// dialInCrowd starts a crowd, and has it dial.
func dialInCrowd(t *testing.T, cmd *exec.Cmd) *greedyCrowd {
	t.Helper()
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
	return &greedyCrowd{say, json.NewDecoder(out)}
}

// count is how many have shaken hands and are still there.
func (c *greedyCrowd) count(t *testing.T) int {
	t.Helper()
	fmt.Fprintln(c.say, "count")
	var now struct{ Connected int }
	if err := c.answers.Decode(&now); err != nil {
		t.Fatal(err)
	}
	return now.Connected
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
