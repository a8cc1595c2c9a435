package peers

import (
	_ "embed" // the driver written in Python
	"encoding/json"
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

func startLibtorrent(t testing.TB, o Options) Peer {
	t.Helper()
	addr := o.at()
	args := []string{"run", o.Torrent, "--listen", addr.String(), "--save", o.Dir}
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
	if o.Hold {
		args = append(args, "--hold")
	}
	return startDriven(t, "libtorrent", addr, o, o.command(python, driver(t, args)...))
}

// driver is what Python is told to run the driver.
func driver(t testing.TB, args []string) []string {
	t.Helper()
	script := filepath.Join(t.TempDir(), "libtorrent_peer.py")
	writeFile(t, script, string(libtorrentPeer))
	return append([]string{script}, args...)
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
