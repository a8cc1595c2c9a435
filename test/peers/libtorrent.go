package peers

import (
	"bufio"
	_ "embed" // the driver written in Python
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
)

// Libtorrent is libtorrent-rasterbar with Debian's Python binding.
var Libtorrent = Client{
	Name:        "libtorrent",
	Formats:     Formats,
	Dials:       true,
	missing:     missingLibtorrent,
	start:       startLibtorrent,
	Encryptions: libtorrentEncryptions,
}

const python = "/usr/bin/python3"

//go:embed libtorrent_peer.py
var libtorrentPeer []byte

var missingLibtorrent = sync.OnceValue(func() string {
	if exec.Command(python, "-c", "import libtorrent").Run() != nil {
		return "libtorrent (Debian package python3-libtorrent)"
	}
	return ""
})

// LibtorrentStatus is one status line of the driver.
type LibtorrentStatus struct {
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

// LibtorrentPeer is a running libtorrent.
type LibtorrentPeer struct {
	*Process
	addr  netip.AddrPort
	stdin io.WriteCloser

	mu   sync.Mutex
	last LibtorrentStatus
	seen map[string]bool
}

func startLibtorrent(t testing.TB, o Options) Peer {
	t.Helper()
	p := &LibtorrentPeer{addr: o.at(), seen: map[string]bool{}}
	args := []string{"run", o.Torrent, "--listen", p.addr.String(), "--save", o.Dir}
	for _, a := range o.Dial {
		args = append(args, "--peer", a.String())
	}
	if o.Corrupt {
		args = append(args, "--corrupt")
	}
	if o.UTP {
		args = append(args, "--utp")
	}
	if o.PEX {
		args = append(args, "--pex")
	}
	if o.LAN {
		args = append(args, "--lsd")
	}
	for _, a := range o.DHT {
		args = append(args, "--dht", a.String())
	}
	if o.UpRate != 0 {
		args = append(args, "--up", strconv.Itoa(o.UpRate))
	}
	if o.DownRate != 0 {
		args = append(args, "--down", strconv.Itoa(o.DownRate))
	}
	for _, s := range o.Encryption.settings {
		args = append(args, "--set", s)
	}
	cmd := o.command(python, driver(t, args)...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdin = stdin
	out, in := io.Pipe()
	cmd.Stdout = in
	p.Process = StartProcess(t, "libtorrent", cmd)
	go p.follow(out)
	t.Cleanup(func() { in.Close() })
	return p
}

// driver is what Python is told to run the driver.
func driver(t testing.TB, args []string) []string {
	t.Helper()
	script := filepath.Join(t.TempDir(), "libtorrent_peer.py")
	writeFile(t, script, string(libtorrentPeer))
	return append([]string{script}, args...)
}

// follow reads status lines until there are no more.
func (p *LibtorrentPeer) follow(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var s LibtorrentStatus
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
func (p *LibtorrentPeer) Addr() netip.AddrPort { return p.addr }

// Status implements Peer.
func (p *LibtorrentPeer) Status() Status {
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

// Detail is the last status as libtorrent gave it.
func (p *LibtorrentPeer) Detail() LibtorrentStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// Saw reports whether a peer that calls itself client was ever connected.
func (p *LibtorrentPeer) Saw(client string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen[client]
}

// Dial makes it connect to one more peer.
func (p *LibtorrentPeer) Dial(t testing.TB, a netip.AddrPort) {
	t.Helper()
	if _, err := fmt.Fprintln(p.stdin, a); err != nil {
		t.Fatal(err)
	}
}

// TorrentInfo is what a .torrent says, as libtorrent reads it.
type TorrentInfo struct {
	Name        string        `json:"name"`
	InfoHashV1  string        `json:"infohash_v1"`
	InfoHashV2  string        `json:"infohash_v2"`
	PieceLength int64         `json:"piece_length"`
	Private     bool          `json:"private"`
	Trackers    []string      `json:"trackers"`
	Files       []TorrentFile `json:"files"`
	Pads        []TorrentFile `json:"pads"`
}

// TorrentFile is a file of a torrent, with its path below the folder that holds the object.
type TorrentFile struct {
	Path string `json:"path"`
	Size int64  `json:"size"`
}

// Hashes are the info-hashes as a tracker sees them: 20 bytes each, in hex.
func (i TorrentInfo) Hashes() []string {
	var all []string
	if i.InfoHashV1 != "" {
		all = append(all, i.InfoHashV1)
	}
	if i.InfoHashV2 != "" {
		all = append(all, i.InfoHashV2[:40])
	}
	return all
}

// Magnet is the magnet link with the info-hashes and the name, and these trackers.
func (i TorrentInfo) Magnet(trackers ...string) string {
	link := "magnet:?dn=" + url.PathEscape(i.Name)
	if i.InfoHashV1 != "" {
		link += "&xt=urn:btih:" + i.InfoHashV1
	}
	if i.InfoHashV2 != "" {
		link += "&xt=urn:btmh:1220" + i.InfoHashV2
	}
	for _, tracker := range trackers {
		link += "&tr=" + url.QueryEscape(tracker)
	}
	return link
}

// Inspect lets libtorrent read a .torrent.
func Inspect(t testing.TB, torrent string) TorrentInfo {
	t.Helper()
	return askLibtorrent(t, "inspect", torrent)
}

// MakeOptions are what a new torrent is to have beside its content.
type MakeOptions struct {
	Format    Format
	PieceSize int // 0: libtorrent's choice
	Trackers  []string
	Private   bool
}

// Make lets libtorrent make a .torrent of the file or folder at source.
func Make(t testing.TB, source, torrent string, o MakeOptions) TorrentInfo {
	t.Helper()
	args := []string{"make", source, "-o", torrent, "--format", string(o.Format), "--piece-size", strconv.Itoa(o.PieceSize)}
	for _, url := range o.Trackers {
		args = append(args, "--tracker", url)
	}
	if o.Private {
		args = append(args, "--private")
	}
	return askLibtorrent(t, args...)
}

func askLibtorrent(t testing.TB, args ...string) TorrentInfo {
	t.Helper()
	Require(t, Libtorrent)
	cmd := exec.Command(python, driver(t, args)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("libtorrent %v: %v", args, err)
	}
	var info TorrentInfo
	if err := json.Unmarshal(out, &info); err != nil {
		t.Fatalf("libtorrent %v: %v: %s", args, err, out)
	}
	return info
}
