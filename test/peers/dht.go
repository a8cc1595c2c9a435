package peers

import (
	"bufio"
	_ "embed" // the driver written in Python
	"encoding/hex"
	"encoding/json"
	"io"
	"net/netip"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/potluck-p2p/potluck/test/netns"
)

//go:embed libtorrent_dht.py
var libtorrentDHT []byte

// DHT is some nodes of libtorrent that do nothing else, each at an address of its own, in one process.
type DHT struct {
	*Process
	addrs []netip.AddrPort

	mu      sync.Mutex
	stdin   io.Writer
	answers *bufio.Scanner
}

// StartDHT starts nodes at addresses and waits until they know each other. They get to know others too.
func StartDHT(t testing.TB, others []netip.AddrPort, at ...netip.AddrPort) *DHT {
	t.Helper()
	netns.Need(t)
	Require(t, Libtorrent)
	script := filepath.Join(t.TempDir(), "libtorrent_dht.py")
	writeFile(t, script, string(libtorrentDHT))
	args := []string{script}
	for _, a := range others {
		args = append(args, "--node", a.String())
	}
	for _, a := range at {
		args = append(args, a.String())
	}
	cmd := exec.Command(python, args...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, in := io.Pipe()
	cmd.Stdout = in
	d := &DHT{addrs: at, stdin: stdin, answers: bufio.NewScanner(out)}
	d.Process = StartProcess(t, "DHT of libtorrent", cmd)
	go func() {
		<-d.Done()
		in.Close()
	}()
	var met struct{ Nodes []int }
	d.answer(t, &met)
	t.Log("nodes that each node knows:", met.Nodes)
	return d
}

// Addrs are where its nodes are.
func (d *DHT) Addrs() []netip.AddrPort { return d.addrs }

// Peers looks up who is announced under an info-hash, given in hex.
func (d *DHT) Peers(t testing.TB, hash string) []netip.AddrPort {
	t.Helper()
	var found struct{ Peers []netip.AddrPort }
	d.ask(t, map[string]string{"do": "peers", "hash": hash}, &found)
	return found.Peers
}

// PutValue stores an immutable item, which is a text, and returns its target and how many nodes took it.
func (d *DHT) PutValue(t testing.TB, value string) (target [20]byte, stored int) {
	t.Helper()
	var got struct {
		Target string
		Stored int
	}
	d.ask(t, map[string]string{"do": "put", "value": value}, &got)
	if b, err := hex.DecodeString(got.Target); err != nil || copy(target[:], b) != len(target) {
		t.Fatalf("target %q, %v", got.Target, err)
	}
	return target, got.Stored
}

// Value finds an immutable item. One that is not there, or no text, is empty.
func (d *DHT) Value(t testing.TB, target [20]byte) string {
	t.Helper()
	var got struct{ Value string }
	d.ask(t, map[string]string{"do": "get", "target": hex.EncodeToString(target[:])}, &got)
	return got.Value
}

// PutMutable stores the next version of a mutable item, which is a text, with the key pair of a seed.
func (d *DHT) PutMutable(t testing.TB, seed, key, salt []byte, value string) (stored int) {
	t.Helper()
	var got struct{ Stored int }
	d.ask(t, map[string]string{
		"do": "put", "seed": hex.EncodeToString(seed), "key": hex.EncodeToString(key), "salt": hex.EncodeToString(salt), "value": value,
	}, &got)
	return got.Stored
}

// Mutable finds a mutable item.
func (d *DHT) Mutable(t testing.TB, key, salt []byte) (value string, seq int64) {
	t.Helper()
	var got struct {
		Value string
		Seq   int64
	}
	d.ask(t, map[string]string{"do": "get", "key": hex.EncodeToString(key), "salt": hex.EncodeToString(salt)}, &got)
	return got.Value, got.Seq
}

// ask gives a command and reads its answer.
func (d *DHT) ask(t testing.TB, command map[string]string, into any) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	line, err := json.Marshal(command)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.stdin.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
	d.answer(t, into)
}

func (d *DHT) answer(t testing.TB, into any) {
	t.Helper()
	if !d.answers.Scan() {
		t.Fatalf("no answer: %v %s", d.answers.Err(), d.problem())
	}
	if err := json.Unmarshal(d.answers.Bytes(), into); err != nil {
		t.Fatalf("answer %q: %v", d.answers.Bytes(), err)
	}
}
