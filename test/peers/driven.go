package peers

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os/exec"
	"sync"
	"testing"
)

// DrivenStatus is one status line of a driver.
type DrivenStatus struct {
	State      string `json:"state"`
	Listening  bool   `json:"listening"`
	Seeding    bool   `json:"seeding"`
	BytesDone  int64  `json:"bytes_done"`
	BytesTotal int64  `json:"bytes_total"`
	Uploaded   int64  `json:"uploaded"`
	Downloaded int64  `json:"downloaded"`
	Wasted     int64  `json:"wasted"`
	Error      string `json:"error"`
	Peers      []struct {
		Address    netip.AddrPort `json:"address"`
		Client     string         `json:"client"`
		Downloaded int64          `json:"downloaded"`
		Connected  bool           `json:"connected"`
		Dialled    bool           `json:"dialled"`
	} `json:"peers"`
}

// Driven is a running library, driven by a program of this package over stdin and stdout.
type Driven struct {
	*Process
	addr  netip.AddrPort
	stdin io.WriteCloser

	mu   sync.Mutex
	last DrivenStatus
	seen map[string]bool
}

// startDriven starts a driver that listens at addr.
func startDriven(t testing.TB, name string, addr netip.AddrPort, o Options, cmd *exec.Cmd) *Driven {
	t.Helper()
	p := &Driven{addr: addr, seen: map[string]bool{}}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdin = stdin
	out, in := io.Pipe()
	cmd.Stdout = in
	p.Process = StartProcess(t, name, cmd)
	go p.follow(out)
	t.Cleanup(func() { in.Close() })
	if o.Hold {
		Wait(t, Patience, name+" to listen", func() (bool, any) {
			s := p.Status()
			return s.Ready, s
		})
	}
	return p
}

// Begin implements Peer.
func (p *Driven) Begin(t testing.TB) {
	t.Helper()
	if _, err := fmt.Fprintln(p.stdin, "go"); err != nil {
		t.Fatal(err)
	}
}

// follow reads status lines until there are no more.
func (p *Driven) follow(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var s DrivenStatus
		if json.Unmarshal(lines.Bytes(), &s) != nil {
			continue
		}
		p.mu.Lock()
		p.last = s
		for _, peer := range s.Peers {
			p.seen[peer.Client] = true
		}
		p.mu.Unlock()
	}
}

// Addr implements Peer.
func (p *Driven) Addr() netip.AddrPort { return p.addr }

// Status implements Peer.
func (p *Driven) Status() Status {
	s := p.Detail()
	problem := p.problem()
	if problem == "" {
		problem = s.Error
	}
	checking := s.State == "checking_files" || s.State == "checking_resume_data"
	var neighbours []Neighbour
	for _, p := range s.Peers {
		if p.Connected {
			neighbours = append(neighbours, Neighbour{Addr: p.Address.Addr(), Dialled: p.Dialled})
		}
	}
	return Status{
		Ready:      s.Listening && !checking,
		Done:       s.Seeding,
		BytesDone:  s.BytesDone,
		Uploaded:   s.Uploaded,
		Neighbours: neighbours,
		Problem:    problem,
	}
}

// Detail is the last status as the driver gave it.
func (p *Driven) Detail() DrivenStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// Saw reports whether a peer that calls itself client was ever connected.
func (p *Driven) Saw(client string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen[client]
}

// Dial makes it connect to one more peer.
func (p *Driven) Dial(t testing.TB, a netip.AddrPort) {
	t.Helper()
	if _, err := fmt.Fprintln(p.stdin, a); err != nil {
		t.Fatal(err)
	}
}
