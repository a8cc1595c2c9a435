package peers

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/netns"
)

// Tracker is a running opentracker. Debian's answers only for the torrents it has been told of.
type Tracker struct {
	*Process
	addr  netip.AddrPort
	list  string
	known []string
}

// StartTracker starts a tracker that knows the info-hashes given, in hex, as they go over the wire.
func StartTracker(t testing.TB, hashes ...string) *Tracker {
	t.Helper()
	netns.Need(t)
	program := Program(t, "opentracker", "opentracker")
	if !netns.Root() {
		t.Skip("opentracker starts only as root")
	}
	dir := t.TempDir()
	tr := &Tracker{
		addr:  netip.AddrPortFrom(netns.Addr(trackerHost), port()),
		list:  filepath.Join(dir, "whitelist"),
		known: hashes,
	}
	writeFile(t, tr.list, strings.Join(hashes, "\n")+"\n")
	at := strconv.Itoa(int(tr.addr.Port()))
	// It changes its root to dir, where the whitelist is, and then its user.
	cmd := exec.Command(program, "-i", tr.addr.Addr().String(), "-p", at, "-P", at, "-d", dir, "-w", "whitelist", "-u", "nobody")
	tr.Process = StartProcess(t, "opentracker", cmd)
	Wait(t, 10*time.Second, "opentracker to answer", func() (bool, any) {
		_, err := tr.get("/scrape", url.Values{})
		return err == nil, err
	})
	return tr
}

// HTTP is the announce URL over HTTP (BEP 3).
func (tr *Tracker) HTTP() string { return "http://" + tr.addr.String() + "/announce" }

// UDP is the announce URL over UDP (BEP 15).
func (tr *Tracker) UDP() string { return "udp://" + tr.addr.String() + "/announce" }

// Allow makes the tracker answer for more info-hashes.
func (tr *Tracker) Allow(t testing.TB, hashes ...string) {
	t.Helper()
	tr.known = append(tr.known, hashes...)
	writeFile(t, tr.list, strings.Join(tr.known, "\n")+"\n")
	tr.Signal(syscall.SIGHUP)
	for _, hash := range hashes {
		query := url.Values{"info_hash": {raw(t, hash)}, "peer_id": {strings.Repeat("x", 20)}, "port": {"1"}, "left": {"1"},
			"uploaded": {"0"}, "downloaded": {"0"}, "event": {"stopped"}}
		Wait(t, 10*time.Second, "opentracker to allow "+hash, func() (bool, any) {
			answer, err := tr.get("/announce", query)
			return err == nil && !strings.Contains(answer, "failure reason"), fmt.Sprint(answer, err)
		})
	}
}

// Swarm asks how many peers with everything and without the tracker knows for an info-hash.
func (tr *Tracker) Swarm(t testing.TB, hash string) (complete, incomplete int) {
	t.Helper()
	answer, err := tr.get("/scrape", url.Values{"info_hash": {raw(t, hash)}})
	if err != nil {
		t.Fatal(err)
	}
	count := func(key string) int {
		found := regexp.MustCompile(`\d+:` + key + `i(\d+)e`).FindStringSubmatch(answer)
		if found == nil {
			return 0
		}
		n, _ := strconv.Atoi(found[1])
		return n
	}
	return count("complete"), count("incomplete")
}

// WaitSeeds waits until n peers with everything have announced themselves under each info-hash.
func (tr *Tracker) WaitSeeds(t testing.TB, n int, hashes ...string) {
	t.Helper()
	for _, hash := range hashes {
		Wait(t, 30*time.Second, "seeds at the tracker", func() (bool, any) {
			complete, incomplete := tr.Swarm(t, hash)
			return complete >= n, fmt.Sprintf("%d seeds of %d, %d others", complete, n, incomplete)
		})
	}
}

func (tr *Tracker) get(path string, query url.Values) (string, error) {
	// A plus is a space to Go, but a plus to a tracker.
	resp, err := http.Get("http://" + tr.addr.String() + path + "?" + strings.ReplaceAll(query.Encode(), "+", "%20"))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func raw(t testing.TB, hash string) string {
	t.Helper()
	b, err := hex.DecodeString(hash)
	if err != nil || len(b) != 20 {
		t.Fatalf("%q is no info-hash of a tracker", hash)
	}
	return string(b)
}
