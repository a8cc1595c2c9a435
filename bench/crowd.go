package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/netns"
	"github.com/potluck-p2p/potluck/test/peers"
)

// lettingIn is how long is waited for a client to let a crowd in.
const lettingIn = 30 * time.Second

// Crowd is a running bench/load: many synthetic peers in one program, which dial once they are told.
type Crowd struct {
	*peers.Process
	in      io.Writer
	answers *json.Decoder
}

// Count is how a crowd stands.
type Count struct {
	// Connected is how many of it have shaken hands and are still there.
	Connected int
	// Sent and Received are bytes of content.
	Sent, Received int64
}

// NewCrowd makes n peers of a role (as bench/load takes it) that will dial at, each from an address of its own, the first of them netns.Stranger(first).
func NewCrowd(t *testing.T, p Programs, n, first int, at netip.AddrPort, role ...string) *Crowd {
	t.Helper()
	args := append([]string{"-n", strconv.Itoa(n), "-dial", at.String(), "-from", netns.Stranger(first).String()}, role...)
	cmd := exec.Command(p.Load, args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, into := io.Pipe()
	cmd.Stdout = into
	c := &Crowd{peers.StartProcess(t, "load", cmd), in, json.NewDecoder(out)}
	t.Cleanup(func() { into.Close() })
	if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
		t.Fatal(err)
	}
	return c
}

// Go has them dial.
func (c *Crowd) Go(t *testing.T) { c.say(t, "go") }

// Count asks how it stands.
func (c *Crowd) Count(t *testing.T) Count {
	t.Helper()
	c.say(t, "count")
	var n Count
	if err := c.answers.Decode(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func (c *Crowd) say(t *testing.T, word string) {
	t.Helper()
	if _, err := fmt.Fprintln(c.in, word); err != nil {
		t.Fatal(err)
	}
}

// AwaitConnected waits until so many of them are connected, and says how many are: fewer, if the client has not let them in by then.
func (c *Crowd) AwaitConnected(t *testing.T, n int) (connected int) {
	t.Helper()
	for began := time.Now(); time.Since(began) < lettingIn; time.Sleep(50 * time.Millisecond) {
		if connected = c.Count(t).Connected; connected >= n {
			break
		}
	}
	return connected
}
