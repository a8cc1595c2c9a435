package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/peers"
)

// libtorrentKept is libtorrent with all files of a folder as torrents.
func libtorrentKept(t *testing.T, files string) starter {
	t.Helper()
	resume := t.TempDir()
	if said, err := exec.Command(python, libtorrentWork(t), "keep", files, resume).CombinedOutput(); err != nil {
		t.Fatalf("libtorrent: %v\n%s", err, said)
	}
	return func(t *testing.T, m *Meter) (*peers.Process, error) {
		return libtorrentUp(t, m, "up", peers.Address().String(), resume)
	}
}

// libtorrentUp starts libtorrent in a way in which it stays, and waits until it is ready.
func libtorrentUp(t *testing.T, m *Meter, args ...string) (*peers.Process, error) {
	t.Helper()
	cmd := exec.Command(python, append([]string{libtorrentWork(t)}, args...)...)
	// It ends with its stdin.
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, in := io.Pipe()
	cmd.Stdout = in
	process := peers.StartProcess(t, "libtorrent", cmd)
	m.AddNew(process)
	t.Cleanup(func() { in.Close() })
	ready := make(chan error, 1)
	go func() {
		_, err := io.ReadFull(out, make([]byte, len("ready\n")))
		ready <- err
	}()
	select {
	case err := <-ready:
		return process, err
	case <-process.Done():
		return nil, errors.New("it ended: " + process.LogTail(500))
	case <-time.After(Limit):
		return nil, fmt.Errorf("in %v", Limit)
	}
}

// node is a potluck that runs until it is ended (potluck up).
type node struct {
	*peers.Process
	api http.Client
}

// up starts potluck with a home, and waits until it answers.
func (p Potluck) up(t *testing.T, m *Meter, home, at string) (*node, error) {
	t.Helper()
	cmd := exec.Command(p.path, "up", "--home", home, "--listen", at, "--api", "127.0.0.1:0")
	cmd.Env = slices.Concat(os.Environ(), []string{"POTLUCK_OFFLINE=true", "POTLUCK_DHT=false"}, p.env)
	n := &node{Process: peers.StartProcess(t, "potluck", cmd)}
	m.AddNew(n.Process)
	n.api.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(home, "api.sock"))
	}}
	return n, n.await(func(nodeStatus) bool { return true })
}

// nodeStatus is what a node says of itself.
type nodeStatus struct {
	Peers   int
	Objects map[string]int
	// DHT are its nodes there, with how many others have answered each of late.
	DHT struct{ Nodes []struct{ Good int } }
}

// await asks the node how it is until that is enough. To answer costs the node, so it is left alone the longer the longer it takes: what
// is waited for is known to 5 %.
func (n *node) await(enough func(nodeStatus) bool) error {
	var last error
	for began := time.Now(); time.Since(began) < Limit; time.Sleep(max(5*time.Millisecond, time.Since(began)/20)) {
		var s nodeStatus
		if last = n.ask("GET", "status", nil, func(r io.Reader) error { return json.NewDecoder(r).Decode(&s) }); last == nil && enough(s) {
			return nil
		}
		if n.Ended() {
			return errors.New("it ended: " + n.LogTail(500))
		}
	}
	return fmt.Errorf("in %v: %w", Limit, last)
}

// ask asks the node's API.
func (n *node) ask(method, path string, body []byte, read func(io.Reader) error) error {
	req, err := http.NewRequest(method, "http://localhost/api/v1/"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	r, err := n.api.Do(req)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s", method, path, r.Status)
	}
	return read(r.Body)
}

// end ends the node as its user does, so that all it knows is kept.
func (n *node) end(t *testing.T) {
	t.Helper()
	n.Signal(syscall.SIGTERM)
	select {
	case <-n.Done():
	case <-time.After(Limit):
		t.Fatal("potluck did not end")
	}
}

// shareAll shares every file of a folder as a v1 torrent.
func (n *node) shareAll(files string) error {
	all, err := os.ReadDir(files)
	if err != nil {
		return err
	}
	const workers = 8
	failed := make(chan error, workers)
	var everybody sync.WaitGroup
	for w := range workers {
		everybody.Go(func() {
			for i := w; i < len(all); i += workers {
				if err := n.share(filepath.Join(files, all[i].Name())); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	everybody.Wait()
	close(failed)
	return <-failed
}

func (n *node) share(path string) error {
	body, err := json.Marshal(map[string]string{"path": path, "format": "v1"})
	if err != nil {
		return err
	}
	return n.ask("POST", "shares", body, func(r io.Reader) error {
		said, err := io.ReadAll(r)
		if err == nil && !bytes.Contains(said, []byte("event: object")) {
			err = fmt.Errorf("sharing %s: %s", path, said)
		}
		return err
	})
}

// fetch has the node fetch what a .torrent says into a folder.
func (n *node) fetch(torrent, dir string) error {
	content, err := os.ReadFile(torrent)
	if err != nil {
		return err
	}
	body, err := json.Marshal(struct {
		Torrent []byte `json:"torrent"`
		Dir     string `json:"dir"`
	}{content, dir})
	if err != nil {
		return err
	}
	return n.ask("POST", "objects", body, func(io.Reader) error { return nil })
}

// kept is potluck with a home in which all files of a folder are shared.
func (p Potluck) kept(t *testing.T, files string, n int) starter {
	t.Helper()
	home := filepath.Join(t.TempDir(), "home")
	m := Watch()
	defer m.Stop()
	first, err := p.up(t, m, home, peers.Address().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := first.shareAll(files); err != nil {
		t.Fatal(err)
	}
	first.end(t)
	return func(t *testing.T, m *Meter) (*peers.Process, error) {
		again, err := p.up(t, m, home, peers.Address().String())
		if err == nil {
			err = again.await(func(s nodeStatus) bool { return s.Objects["seeding"] == n })
		}
		return again.Process, err
	}
}
