// Package peers drives BitTorrent programs that other people wrote: libtorrent, Transmission, aria2, rtorrent and the
// tracker opentracker; and anacrolix/torrent, for who builds its driver. Each is started as a child process inside the network
// of package netns, on an address of its own, or on a host of a lab, with everything that would look for other peers switched
// off unless it is asked for, and is ended with the test. It also makes and compares the content that travels.
package peers

import (
	"context"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/lab"
	"github.com/potluck-p2p/potluck/test/netns"
)

// Format is a generation of torrents.
type Format string

// The formats of BEP 3 (v1), BEP 52 (v2), and both in one.
const (
	V1     Format = "v1"
	V2     Format = "v2"
	Hybrid Format = "hybrid"
)

// Formats are all of them.
var Formats = []Format{V1, V2, Hybrid}

// Options say what a client is to do.
type Options struct {
	// Torrent is a .torrent file or a magnet link.
	Torrent string
	// Dir is the folder in which the object lies, or will lie, under its name.
	Dir string
	// Listen is where it listens; the zero value is an address of its own.
	Listen netip.AddrPort
	// Dial are peers to connect to. Only clients that Dial take them; the others learn of peers from a tracker.
	Dial []netip.AddrPort
	// PEX and LAN let libtorrent and Transmission exchange peers (BEP 11), and speak to the local network (BEP 14). The
	// others never do.
	PEX, LAN bool
	// DHT are nodes by which libtorrent and Transmission get into a DHT; without any they take no part in one. The others
	// never do.
	DHT []netip.AddrPort
	// Encryption is one of the client's; the zero value is what it does if it is told nothing.
	Encryption Encryption
	// UpRate bounds what the client sends, in bytes per second; 0 is no bound.
	UpRate int
	// DownRate bounds what libtorrent receives, in bytes per second; 0 is no bound.
	DownRate int
	// UTP has libtorrent speak with peers over uTP and not over TCP, and Transmission over uTP first. The others speak over TCP.
	UTP bool
	// Host is the machine of a lab on which libtorrent or Transmission runs, and Listen then one of its addresses; nil is the
	// network of package netns. The others know no lab.
	Host *lab.Host
	// Corrupt makes libtorrent serve what lies in Dir even where it does not match the torrent.
	Corrupt bool
	// Hold has the client wait, started and listening, and hear of its torrent by Begin.
	Hold bool
}

// command is the command that runs a program on the client's machine.
func (o Options) command(name string, args ...string) *exec.Cmd {
	if o.Host != nil {
		return o.Host.Command(context.Background(), name, args...)
	}
	return exec.Command(name, args...)
}

// at is where a client is to listen.
func (o Options) at() netip.AddrPort {
	if o.Listen.IsValid() {
		return o.Listen
	}
	return Address()
}

// Peer is a running client.
type Peer interface {
	// Addr is where it listens for peers.
	Addr() netip.AddrPort
	// Program is its process.
	Program() *Process
	// Begin tells a client that was started with Hold of its torrent. Called once.
	Begin(t testing.TB)
	// Status asks for its view of the one torrent it has.
	Status() Status
	// Stop ends it.
	Stop()
}

// Status is how a client sees its torrent.
type Status struct {
	// Ready is set once the client listens and is done checking what it has.
	Ready bool
	// Done is set once it has every byte, by its own judgement.
	Done bool
	// BytesDone is how much of the content it has, Uploaded how much of it it has sent.
	BytesDone, Uploaded int64
	// Neighbours are the peers that it is connected to, as far as libtorrent and Transmission say so.
	Neighbours []Neighbour
	// Problem is what it complains about.
	Problem string
}

// Neighbour is a peer that a client is connected to.
type Neighbour struct {
	Addr netip.Addr
	// Dialled is set if the client connected to it, and not the other way round.
	Dialled bool
	// UTP is set if they speak over uTP; only Transmission says so.
	UTP bool
}

// Client is a program that can be started as a peer.
type Client struct {
	Name string
	// Formats are what it can seed and fetch; a hybrid is v1 to a client that knows no v2.
	Formats []Format
	// Dials is set if it connects to an address it is given, and needs no tracker.
	Dials bool
	// HTTPOnly is set if it speaks to trackers over HTTP alone.
	HTTPOnly bool
	// SkipsEmpty is set if it creates no empty files.
	SkipsEmpty bool
	// Encryptions are all ways in which it can treat encrypted connections.
	Encryptions []Encryption
	missing     func() string
	start       func(t testing.TB, o Options) Peer
}

// Clients are all clients of this package.
var Clients = []Client{Libtorrent, Transmission, Aria2, Rtorrent}

// Speaks reports whether the client can seed and fetch torrents of format f.
func (c Client) Speaks(f Format) bool { return slices.Contains(c.Formats, f) }

// Same fails the test unless the client has fetched the same files as those at or below want to got. What is known to differ
// is overlooked: the padding of a hybrid is a file like any other to a client that knows no BEP 47, and some create no
// empty files.
func (c Client) Same(t testing.TB, want, got string) {
	t.Helper()
	compare(t, want, got, func(path, digest string) bool {
		return !c.Speaks(V2) && strings.HasPrefix(path, ".pad/") || c.SkipsEmpty && digest == emptyDigest
	})
}

// Link is a magnet link as the client takes it: one that knows no v2 may take none with a v2 info-hash.
func (c Client) Link(magnet string) string {
	if c.Speaks(V2) || !strings.Contains(magnet, "xt=urn:btih:") {
		return magnet
	}
	return v2Hash.ReplaceAllString(magnet, "")
}

var v2Hash = regexp.MustCompile(`&xt=urn:btmh:[0-9a-f]+`)

// Start starts the client, or skips the test if it is not installed. With a .torrent it keeps what in Dir matches, so that a
// complete folder is seeded, and fetches the rest.
func (c Client) Start(t testing.TB, o Options) Peer {
	t.Helper()
	netns.Need(t)
	Require(t, c)
	return c.start(t, o)
}

// Seed starts the client and waits until it has and offers everything.
func (c Client) Seed(t testing.TB, o Options) Peer {
	t.Helper()
	p := c.Start(t, o)
	Wait(t, time.Minute, c.Name+" to seed", func() (bool, any) {
		s := p.Status()
		return s.Ready && s.Done, s
	})
	return p
}

// WaitDone waits until a peer says that it has everything.
func WaitDone(t testing.TB, p Peer, limit time.Duration) {
	t.Helper()
	Wait(t, limit, "the transfer to end", func() (bool, any) {
		s := p.Status()
		return s.Done, s
	})
}

// inconsistent is what libtorrent 2.0.8 says of one in several hybrid torrents of small pieces that it has by magnet link: when
// pieces have passed before the hashes of their file come, and these are right as well, it stops.
const inconsistent = "v1 and v2 hashes do not describe the same data"

// WaitDoneUnlessInconsistent is WaitDone, but returns false when libtorrent stops by that fault of its own.
func WaitDoneUnlessInconsistent(t testing.TB, p Peer, limit time.Duration) (done bool) {
	t.Helper()
	Wait(t, limit, "the transfer to end", func() (bool, any) {
		s := p.Status()
		done = s.Done
		return s.Done || s.Problem == inconsistent, s
	})
	return done
}

// Require skips a test if a client it needs is not installed, and says which package brings it.
func Require(t testing.TB, clients ...Client) {
	t.Helper()
	for _, c := range clients {
		if what := c.missing(); what != "" {
			t.Skip("not installed: " + what)
		}
	}
}

// needs makes the test for installed programs, given as program and Debian package in turn.
func needs(programs ...string) func() string {
	return func() string {
		for i := 0; i < len(programs); i += 2 {
			if _, err := exec.LookPath(programs[i]); err != nil {
				return programs[i] + " (Debian package " + programs[i+1] + ")"
			}
		}
		return ""
	}
}

// Program skips the test if a program is not installed, and returns its path.
func Program(t testing.TB, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip("not installed: " + name + " (Debian package " + pkg + ")")
	}
	return path
}

// trackerHost is the address of the tracker; clients use those below it.
const trackerHost = netns.Hosts

var hosts, ports atomic.Uint32

// Address returns an address for a peer: a host of its own as long as fewer than 18 are in use, and a port nobody had.
func Address() netip.AddrPort {
	host := hosts.Add(1)%(trackerHost-1) + 1
	return At(netns.Addr(int(host)))
}

// At returns a port nobody had at a host.
func At(host netip.Addr) netip.AddrPort { return netip.AddrPortFrom(host, port()) }

// port returns a port nobody had; they lie below those that the kernel gives away.
func port() uint16 { return uint16(20000 + ports.Add(1)) }

// Wait polls until done says so, and fails the test at the limit with what done last saw.
func Wait(t testing.TB, limit time.Duration, what string, done func() (ok bool, saw any)) {
	t.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, saw := done()
		if ok {
			return
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("the test ended while waiting for %s: %+v", what, saw)
		case <-deadline.C:
			t.Fatalf("waited %v for %s: %+v", limit, what, saw)
		}
	}
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Patience is how long something may take that takes no time.
const Patience = 20 * time.Second
