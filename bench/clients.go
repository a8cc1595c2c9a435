package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/peers"
)

// Way is how connections between peers are made: plain over TCP, if nothing is said.
type Way struct {
	// RC4 has every connection enciphered to its end by MSE.
	RC4 bool
	// UTP has them go over uTP alone.
	UTP bool
}

// Job is what a client is to do.
type Job struct {
	// Torrent is a .torrent file, Dir the folder of its content.
	Torrent, Dir string
	// At is where it listens; without a host an address of its own.
	At Place
	// From are peers to connect to. Not all clients can be told: the others need a tracker.
	From []netip.AddrPort
	Way
	// Up bounds what it sends, in bytes per second; 0 is no bound.
	Up int
}

// Client is a program that seeds and fetches.
type Client interface {
	Name() string
	// Dials reports whether it can be told of peers, and needs no tracker.
	Dials() bool
	// Seed offers what lies in the folder, and returns when all of it has been checked.
	Seed(t *testing.T, j Job) Peer
	// Fetch is ready to fetch: as soon as it is told, and no sooner.
	Fetch(t *testing.T, j Job) Fetch
}

// Peer is a client at work.
type Peer struct {
	*peers.Process
	Addr netip.AddrPort
}

// Fetch is a client that waits for its word.
type Fetch struct {
	// Begin gives it. The client is measured from here.
	Begin func(m *Meter)
	// Done says whether it has everything. It is asked often.
	Done func() (bool, error)
	// Stop ends it.
	Stop func()
}

// Wait waits until everybody has everything, and returns when that was of each.
func Wait(all []Fetch, began time.Time) ([]time.Duration, error) {
	const poll = 5 * time.Millisecond
	beat := time.NewTicker(poll)
	defer beat.Stop()
	took := make([]time.Duration, len(all))
	for missing := len(all); missing > 0; {
		for i, f := range all {
			if took[i] > 0 {
				continue
			}
			done, err := f.Done()
			now := time.Since(began)
			switch {
			case err != nil:
				return nil, err
			case done:
				took[i] = now
				missing--
			case now > Limit:
				return nil, fmt.Errorf("in %v", Limit)
			}
		}
		if missing > 0 {
			<-beat.C
		}
	}
	return took, nil
}

// waitFor waits until it is so, as long as a run may take.
func waitFor(so func() bool) error {
	beat := time.NewTicker(10 * time.Millisecond)
	defer beat.Stop()
	for limit := time.After(Limit); !so(); {
		select {
		case <-beat.C:
		case <-limit:
			return fmt.Errorf("in %v", Limit)
		}
	}
	return nil
}

// Others are the clients of test/peers.
type Others struct{ peers.Client }

// Name implements Client.
func (c Others) Name() string { return c.Client.Name }

// Dials implements Client.
func (c Others) Dials() bool { return c.Client.Dials }

// Seed implements Client.
func (c Others) Seed(t *testing.T, j Job) Peer {
	p := c.Client.Seed(t, c.options(j))
	return Peer{p.Program(), p.Addr()}
}

// Fetch implements Client.
func (c Others) Fetch(t *testing.T, j Job) Fetch {
	o := c.options(j)
	o.Hold = true
	p := c.Client.Start(t, o)
	process := p.Program()
	// Who has to be asked over HTTP or SCGI is not asked so often that it costs much.
	pause := 20 * time.Millisecond
	if _, driven := p.(*peers.Driven); driven {
		pause = 0
	}
	var last time.Time
	return Fetch{
		Begin: func(m *Meter) {
			m.Add(process)
			p.Begin(t)
		},
		Done: func() (bool, error) {
			if now := time.Now(); now.Sub(last) < pause {
				return false, nil
			}
			s := p.Status()
			last = time.Now()
			if process.Ended() {
				return false, fmt.Errorf("it ended: %s", s.Problem)
			}
			return s.Done, nil
		},
		Stop: p.Stop,
	}
}

func (c Others) options(j Job) peers.Options {
	return peers.Options{
		Torrent: j.Torrent, Dir: j.Dir, Listen: j.At.Addr, Host: j.At.Host, Dial: j.From, UTP: j.UTP, UpRate: j.Up,
		Encryption: c.encryption(j.RC4), PEX: true,
	}
}

// encryption is what the client is to be told so that everything is enciphered, or nothing.
func (c Others) encryption(rc4 bool) peers.Encryption {
	kind := peers.Plain
	if rc4 {
		kind = peers.RC4
	}
	// The strictest comes last: others may still agree on less.
	for _, e := range slices.Backward(c.Encryptions) {
		if e.Dials == kind {
			return e
		}
	}
	return c.Encryptions[0]
}

// Potluck is the binary at a path, with more of an environment.
type Potluck struct {
	path string
	env  []string
}

// Name implements Client.
func (Potluck) Name() string { return "potluck" }

// Dials implements Client.
func (Potluck) Dials() bool { return true }

// Seed implements Client.
func (p Potluck) Seed(t *testing.T, j Job) Peer {
	if !j.At.Addr.IsValid() {
		j.At.Addr = peers.Address()
	}
	// It finds that all is there already.
	process, done := p.start(t, j, "--seed")
	limit := time.After(Limit)
	select {
	case <-done:
	case <-process.Done():
		t.Fatalf("potluck ended: %s", process.LogTail(500))
	case <-limit:
		t.Fatal("potluck did not seed")
	}
	return Peer{process, j.At.Addr}
}

// Fetch implements Client. Potluck is started when it is to begin, so that its start is part of what is measured.
func (p Potluck) Fetch(t *testing.T, j Job) Fetch {
	if !j.At.Addr.IsValid() {
		j.At.Addr = peers.Address()
	}
	var process *peers.Process
	var done <-chan struct{}
	return Fetch{
		Begin: func(m *Meter) {
			process, done = p.start(t, j)
			m.AddNew(process)
		},
		Done: func() (bool, error) {
			select {
			case <-done:
				return true, nil
			default:
			}
			if process.Ended() && process.ExitCode() != 0 {
				return false, fmt.Errorf("it ended: %s", process.LogTail(500))
			}
			return false, nil
		},
		Stop: func() { process.Stop() },
	}
}

// start runs potluck get, and closes done when it says that everything is there.
func (p Potluck) start(t *testing.T, j Job, more ...string) (process *peers.Process, done <-chan struct{}) {
	args := append([]string{"get", j.Torrent, "-o", j.Dir, "--json", "--home", t.TempDir(), "--listen", j.At.Addr.String(),
		"--offline", "--up", strconv.Itoa(j.Up)}, more...)
	for _, a := range j.From {
		args = append(args, "--peer", a.String())
	}
	cmd := j.At.command(p.path, args...)
	encryption := "off"
	if j.RC4 {
		encryption = "require"
	}
	cmd.Env = slices.Concat(os.Environ(), []string{"POTLUCK_DHT=false", "POTLUCK_RATIO=0", "POTLUCK_LIMIT_LAN=true", "POTLUCK_ENCRYPTION=" + encryption}, p.env)
	out, in := io.Pipe()
	cmd.Stdout = in
	process = peers.StartProcess(t, "potluck", cmd)
	t.Cleanup(func() { in.Close() })
	there := make(chan struct{})
	go func() {
		for lines := json.NewDecoder(out); ; {
			var line struct{ Type string }
			if lines.Decode(&line) != nil {
				return
			}
			if line.Type == "done" {
				close(there)
				_, _ = io.Copy(io.Discard, out)
				return
			}
		}
	}()
	return process, there
}
