// Command anacrolix is a peer over the library github.com/anacrolix/torrent, for tests. It has a module of its own, so that its
// hundred dependencies are not the program's.
//
//	anacrolix run FILE --listen IP:PORT --save DIR [--peer IP:PORT]... [--utp] [--up N] [--rc4] [--hold]
//
// Every line on stdout is one JSON object with its status, several times a second and when all is there. With --hold the torrent
// is added when stdin says "go". It ends when stdin does.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/anacrolix/torrent"
	"github.com/anacrolix/torrent/metainfo"
	"github.com/anacrolix/torrent/mse"
	"github.com/anacrolix/torrent/storage"
	"golang.org/x/time/rate"
)

// status is one line; the names are those of the driver of libtorrent.
type status struct {
	State      string `json:"state"`
	Listening  bool   `json:"listening"`
	Seeding    bool   `json:"seeding"`
	BytesDone  int64  `json:"bytes_done"`
	BytesTotal int64  `json:"bytes_total"`
	Uploaded   int64  `json:"uploaded"`
	Downloaded int64  `json:"downloaded"`
}

// options are what the arguments say.
type options struct {
	listen         netip.AddrPort
	save           string
	peers          []netip.AddrPort
	utp, rc4, hold bool
	up             int
}

// from dials from the address that is listened at.
func (o options) from() *net.Dialer {
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: o.listen.Addr().AsSlice()}}
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "anacrolix:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 || args[0] != "run" {
		return fmt.Errorf("usage: anacrolix run FILE [flags]")
	}
	var o options
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	flags.TextVar(&o.listen, "listen", netip.AddrPort{}, "where to listen")
	flags.StringVar(&o.save, "save", "", "the folder of the content")
	flags.Func("peer", "a peer to connect to", func(s string) error {
		a, err := netip.ParseAddrPort(s)
		o.peers = append(o.peers, a)
		return err
	})
	flags.BoolVar(&o.utp, "utp", false, "speak over uTP, not TCP")
	flags.BoolVar(&o.rc4, "rc4", false, "encipher everything; otherwise nothing is")
	flags.BoolVar(&o.hold, "hold", false, "begin when told")
	flags.IntVar(&o.up, "up", 0, "most bytes per second to send")
	if err := flags.Parse(args[2:]); err != nil {
		return err
	}
	info, err := metainfo.LoadFromFile(args[1])
	if err != nil {
		return err
	}
	client, err := torrent.NewClient(config(o))
	if err != nil {
		return err
	}
	defer client.Close()
	if !o.utp {
		client.AddDialer(torrent.NetworkDialer{Network: "tcp", Dialer: o.from()})
	}
	said := make(chan string)
	go listen(said)
	return attend(client, info, o, said)
}

// config keeps to the library's defaults but for what would look for peers by itself.
func config(o options) *torrent.ClientConfig {
	c := torrent.NewDefaultClientConfig()
	c.DefaultStorage = storage.NewFileOpts(storage.NewFileClientOpts{ClientBaseDir: o.save, PieceCompletion: storage.NewMapPieceCompletion()})
	c.ListenHost = func(string) string { return o.listen.Addr().String() }
	c.ListenPort = int(o.listen.Port())
	c.Seed = true
	c.NoDHT = true
	c.NoDefaultPortForwarding = true
	c.DisableIPv6 = true
	c.DisableWebtorrent = true
	c.DisableUTP, c.DisableTCP = !o.utp, o.utp
	// The machine has many addresses; those that dial, and announce, do it from their own.
	c.DialForPeerConns = o.utp
	c.TrackerDialContext, c.HTTPDialContext = o.from().DialContext, o.from().DialContext
	// With the default of 1 MiB version 1.59.1 stalls as a seed until requests time out: it serves them in any order, and waits
	// for the memory of one while others that have theirs wait behind it.
	c.MaxAllocPeerRequestDataPerConn = 64 << 20
	c.HeaderObfuscationPolicy = torrent.HeaderObfuscationPolicy{Preferred: o.rc4, RequirePreferred: true}
	if o.rc4 {
		c.CryptoProvides = mse.CryptoMethodRC4
		c.CryptoSelector = func(mse.CryptoMethod) mse.CryptoMethod { return mse.CryptoMethodRC4 }
	}
	if o.up > 0 {
		c.UploadRateLimiter = rate.NewLimiter(rate.Limit(o.up), 1<<20)
	}
	return c
}

// listen passes on what stdin says, and closes the channel with it.
func listen(said chan<- string) {
	defer close(said)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		said <- lines.Text()
	}
}

// attend adds the torrent when it is time, and tells how it is until stdin ends.
func attend(client *torrent.Client, info *metainfo.MetaInfo, o options, said <-chan string) error {
	beat := time.NewTicker(100 * time.Millisecond)
	defer beat.Stop()
	lines := json.NewEncoder(os.Stdout)
	var t *torrent.Torrent
	var complete <-chan struct{}
	for {
		if t == nil && !o.hold {
			var err error
			if t, err = begin(client, info, o.peers); err != nil {
				return err
			}
			complete = t.Complete().On()
		}
		select {
		case word, ok := <-said:
			if !ok {
				return nil
			}
			if word == "go" {
				o.hold = false
			}
			continue
		case <-complete:
			complete = nil
		case <-beat.C:
		}
		if err := lines.Encode(statusOf(t)); err != nil {
			return err
		}
	}
}

// begin adds the torrent and asks for all of it, from the peers that are known.
func begin(client *torrent.Client, info *metainfo.MetaInfo, peers []netip.AddrPort) (*torrent.Torrent, error) {
	t, err := client.AddTorrent(info)
	if err != nil {
		return nil, err
	}
	var known []torrent.PeerInfo
	for _, p := range peers {
		known = append(known, torrent.PeerInfo{Addr: net.TCPAddrFromAddrPort(p), Trusted: true})
	}
	t.AddPeers(known)
	t.DownloadAll()
	return t, nil
}

func statusOf(t *torrent.Torrent) status {
	if t == nil {
		return status{State: "held", Listening: true}
	}
	s := t.Stats()
	return status{
		State:     "running",
		Listening: true, Seeding: t.Complete().Bool(),
		BytesDone: t.BytesCompleted(), BytesTotal: t.Length(),
		Uploaded: s.BytesWrittenData.Int64(), Downloaded: s.BytesReadData.Int64(),
	}
}
