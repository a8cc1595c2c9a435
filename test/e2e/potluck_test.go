package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/lab"
	"github.com/potluck-p2p/potluck/test/peers"
)

// line is one line of --json output, of any type.
type line struct {
	Type string `json:"type"`

	ID         string   `json:"id"`
	Name       string   `json:"name"`
	Link       string   `json:"link"`
	InfoHashV1 string   `json:"infohash_v1"`
	InfoHashV2 string   `json:"infohash_v2"`
	Size       int64    `json:"size"`
	Listen     []string `json:"listen"`

	VersionLink string `json:"version_link"`
	Sequence    int64  `json:"sequence"`
	Feed        *struct {
		Publisher string `json:"publisher"`
		Name      string `json:"name"`
		Sequence  int64  `json:"sequence"`
		Followed  bool   `json:"followed"`
	} `json:"feed"`
	Ratio        float64 `json:"ratio"`
	SuperSeeding bool    `json:"super_seeding"`

	State      string `json:"state"`
	BytesDone  int64  `json:"bytes_done"`
	BytesTotal int64  `json:"bytes_total"`
	Path       string `json:"path"`
	Bytes      int64  `json:"bytes"`

	PieceLength int64      `json:"piece_length"`
	Private     bool       `json:"private"`
	Trackers    [][]string `json:"trackers"`
	WebSeeds    []string   `json:"web_seeds"`
	Files       []struct {
		Path string `json:"path"`
		Size int64  `json:"size"`
	} `json:"files"`

	Found   bool    `json:"found"`
	Seconds float64 `json:"seconds"`
	Nodes   int     `json:"nodes"`
	Why     string  `json:"why"`
	Reach   *reach  `json:"reach"`
	DHT     *struct {
		Nodes []struct {
			ID    string `json:"id"`
			State string `json:"state"`
			Known int    `json:"known"`
		} `json:"nodes"`
	} `json:"dht"`

	Address   string `json:"address"`
	Network   string `json:"network"`
	Client    string `json:"client"`
	Punched   bool   `json:"punched"`
	Encrypted string `json:"encrypted"`
	Key       string `json:"key"`

	Routers []struct {
		Address  string `json:"address"`
		Protocol string `json:"protocol"`
		External string `json:"external"`
		Why      string `json:"why"`
		Ports    []struct {
			Transport string `json:"transport"`
			External  string `json:"external"`
		} `json:"ports"`
	} `json:"routers"`

	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
	Exit    int    `json:"exit"`
}

// reach is what an object's line says of whether others find it.
type reach struct {
	Found   bool   `json:"found"`
	Address string `json:"address"`
	Code    string `json:"code"`
}

// node is a home and an address, with which commands are run.
type node struct {
	home   string
	addr   netip.AddrPort
	user   *syscall.Credential // nil: who runs the test
	host   *lab.Host           // nil: the network of package netns
	online bool                // takes the word of other peers and of the local network for who is there
	dht    string              // HOST:PORT, with commas between, of ways into the DHT; without any it takes no part in one
}

func newNode(t *testing.T) *node {
	t.Helper()
	return &node{home: filepath.Join(t.TempDir(), "home"), addr: peers.Address()}
}

// command is a running potluck.
type command struct {
	*peers.Process
	stderr string // path

	mu      sync.Mutex
	partial []byte
	lines   []line
	odd     []string // lines of stdout that are no JSON object with a type
}

// Write takes stdout.
func (c *command) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.partial = append(c.partial, b...)
	for {
		text, rest, whole := bytes.Cut(c.partial, []byte("\n"))
		if !whole {
			return len(b), nil
		}
		var l line
		if json.Unmarshal(text, &l) != nil || l.Type == "" {
			c.odd = append(c.odd, string(text))
		} else {
			c.lines = append(c.lines, l)
		}
		c.partial = rest
	}
}

// start starts a command with --json and the node's home and address.
func (n *node) start(t *testing.T, args ...string) *command {
	t.Helper()
	return n.startPlain(t, append(args, "--json")...)
}

// startPlain starts a command as people do, whose stdout is no JSON.
func (n *node) startPlain(t *testing.T, args ...string) *command {
	t.Helper()
	c := &command{stderr: filepath.Join(t.TempDir(), "stderr")}
	args = append(args, "--home", n.home, "--listen", n.addr.String())
	if !n.online {
		args = append(args, "--offline")
	}
	cmd := exec.Command(os.Getenv(binaryVar), args...)
	if n.host != nil {
		cmd = n.host.Command(context.Background(), os.Getenv(binaryVar), args...)
	}
	cmd.Env = append(os.Environ(), "POTLUCK_OFFLINE=0", // --offline has precedence
		"POTLUCK_LIMIT_LAN=1", // all is loopback here
		"POTLUCK_DHT="+strconv.FormatBool(n.dht != ""), "POTLUCK_DHT_ROUTERS="+n.dht)
	cmd.Dir = t.TempDir()
	cmd.Stdout = c
	errs, err := os.Create(c.stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer errs.Close()
	cmd.Stderr = errs
	if n.user != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: n.user}
		cmd.Dir = "/"
	}
	c.Process = peers.StartProcess(t, "potluck", cmd)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("potluck %s\nstdout ends: %+v\nstderr ends: %s", strings.Join(args, " "), lastOf(c.all(), 5), c.said(3000))
		}
	})
	return c
}

// run runs a command to its end, which has to come within a minute.
func (n *node) run(t *testing.T, args ...string) *command {
	t.Helper()
	c := n.start(t, args...)
	c.wait(t, time.Minute)
	return c
}

// ok runs a command that has to succeed and returns its lines.
func (n *node) ok(t *testing.T, args ...string) []line {
	t.Helper()
	c := n.run(t, args...)
	c.exits(t, 0)
	return c.all()
}

// share starts to share paths and waits for the lines that say so, one per path. Options stand before the paths.
func (n *node) share(t *testing.T, paths []string, options ...string) (*command, []line) {
	t.Helper()
	c := n.start(t, slices.Concat([]string{"share"}, options, paths)...)
	var shared []line
	peers.Wait(t, 5*time.Minute, "potluck to share", func() (bool, any) {
		shared = c.typed("shared")
		if c.Ended() && len(shared) < len(paths) {
			t.Fatalf("share ended with %d", c.ExitCode())
		}
		return len(shared) >= len(paths), c.said(500)
	})
	return c, shared
}

// get fetches a link into a new folder, which it returns.
func (n *node) get(t *testing.T, link string, options ...string) (dir string, c *command) {
	t.Helper()
	dir = t.TempDir()
	c = n.run(t, slices.Concat([]string{"get", link, "-o", dir}, options)...)
	c.exits(t, 0)
	if done := c.typed("done"); len(done) != 1 {
		t.Errorf("get said done %d times: %+v", len(done), done)
	}
	return dir, c
}

// wait waits for the end of the command.
func (c *command) wait(t *testing.T, limit time.Duration) {
	t.Helper()
	peers.Wait(t, limit, "potluck to end", func() (bool, any) { return c.Ended(), lastOf(c.all(), 1) })
}

// exits holds the exit code of a command that has ended, and what the contract says of its output.
func (c *command) exits(t *testing.T, want int) {
	t.Helper()
	if got := c.ExitCode(); got != want {
		t.Fatalf("exit code %d, want %d", got, want)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.odd) != 0 || len(c.partial) != 0 {
		t.Errorf("not JSON on stdout: %q %q", c.odd, c.partial)
	}
}

// fails holds the exit code of a command that has ended with an error, and that it says what happened and what to do.
func (c *command) fails(t *testing.T, want int) {
	t.Helper()
	c.exits(t, want)
	errs := c.typed("error")
	if len(errs) == 0 {
		t.Fatal("no error line")
	}
	for _, e := range errs {
		if e.Code == "" || e.Message == "" || e.Hint == "" || e.Exit == 0 {
			t.Errorf("an error without code, message, hint or exit: %+v", e)
		}
	}
}

// all are the lines so far.
func (c *command) all() []line {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.lines)
}

// typed are the lines of one type so far.
func (c *command) typed(kind string) []line {
	return slices.DeleteFunc(c.all(), func(l line) bool { return l.Type != kind })
}

// waitFor waits until a line satisfies is, and returns the first that does.
func (c *command) waitFor(t *testing.T, what string, is func(line) bool) line {
	t.Helper()
	var found line
	peers.Wait(t, time.Minute, what, func() (bool, any) {
		all := c.all()
		i := slices.IndexFunc(all, is)
		if i >= 0 {
			found = all[i]
		} else if c.Ended() {
			t.Fatalf("potluck ended with %d before %s", c.ExitCode(), what)
		}
		return i >= 0, lastOf(all, 1)
	})
	return found
}

// said is the end of stderr.
func (c *command) said(n int) string {
	b, err := os.ReadFile(c.stderr)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-n):])
}

func lastOf(lines []line, n int) []line { return lines[max(0, len(lines)-n):] }

// hashes are the info-hashes of a line as trackers know them.
func (l line) hashes() []string {
	return peers.TorrentInfo{InfoHashV1: l.InfoHashV1, InfoHashV2: l.InfoHashV2}.Hashes()
}
