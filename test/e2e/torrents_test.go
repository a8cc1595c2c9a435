package e2e

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/potluck-p2p/potluck/test/netns"
	"github.com/potluck-p2p/potluck/test/peers"
)

// makers are the programs that make torrents of a path.
var makers = []struct {
	name string
	make func(t *testing.T, path, torrent string)
}{
	{"mktorrent", func(t *testing.T, path, torrent string) {
		tool(t, peers.Program(t, "mktorrent", "mktorrent"), "-a", "http://10.99.0.20/announce", "-l", "16", "-o", torrent, path)
	}},
	{"mktorrent private", func(t *testing.T, path, torrent string) {
		tool(t, peers.Program(t, "mktorrent", "mktorrent"), "-p", "-a", "http://10.99.0.20/announce", "-o", torrent, path)
	}},
	{"transmission-create", func(t *testing.T, path, torrent string) {
		tool(t, peers.Program(t, "transmission-create", "transmission-cli"), "-o", torrent, path)
	}},
	{"libtorrent v1", func(t *testing.T, path, torrent string) { libtorrentMakes(t, path, torrent, peers.V1) }},
	{"libtorrent v2", func(t *testing.T, path, torrent string) { libtorrentMakes(t, path, torrent, peers.V2) }},
	{"libtorrent hybrid", func(t *testing.T, path, torrent string) { libtorrentMakes(t, path, torrent, peers.Hybrid) }},
}

func libtorrentMakes(t *testing.T, path, torrent string, f peers.Format) {
	peers.Make(t, path, torrent, peers.MakeOptions{Format: f, Trackers: []string{"http://10.99.0.20/announce"}})
}

func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// samples are a lone file and a folder.
func samples(t *testing.T) map[string]string {
	dir := t.TempDir()
	return map[string]string{
		"file":   peers.WriteFile(t, filepath.Join(dir, "lone größe.bin"), 9, 1<<20+7),
		"folder": peers.WriteTree(t, filepath.Join(dir, "odd"), 10, peers.Odd),
	}
}

// TestTorrentsOfOthers: potluck reads in the torrents of other programs what libtorrent reads in them.
func TestTorrentsOfOthers(t *testing.T) {
	netns.Need(t)
	for what, path := range samples(t) {
		for _, m := range makers {
			t.Run(what+" by "+m.name, func(t *testing.T) {
				torrent := filepath.Join(t.TempDir(), "made.torrent")
				m.make(t, path, torrent)
				compareInfo(t, peers.Inspect(t, torrent), newNode(t).ok(t, "info", torrent))
			})
		}
	}
}

// TestTorrentsOfOurs: other programs read in potluck's torrents what potluck says of them, and libtorrent makes the same.
func TestTorrentsOfOurs(t *testing.T) {
	netns.Need(t)
	peers.Require(t, peers.Libtorrent)
	const tracker = "http://10.99.0.20/announce"
	for what, path := range samples(t) {
		for _, f := range peers.Formats {
			for _, private := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s %s private=%v", what, f, private), func(t *testing.T) {
					n, torrent := newNode(t), filepath.Join(t.TempDir(), "ours.torrent")
					args := []string{"create", path, "-o", torrent, "--format", string(f), "--tracker", tracker}
					if private {
						args = append(args, "--private")
					}
					n.ok(t, args...)
					ours := n.ok(t, "info", torrent)
					theirs := peers.Inspect(t, torrent)
					compareInfo(t, theirs, ours)
					if theirs.Private != private || !slices.Equal(theirs.Trackers, []string{tracker}) {
						t.Errorf("libtorrent reads %+v", theirs)
					}
					if f == peers.V1 {
						readByOthers(t, torrent, ours[0].InfoHashV1)
					}
					// What libtorrent makes of a v1 folder has the order of the directory, so it differs.
					if f != peers.V1 || what == "file" {
						made := peers.Make(t, path, filepath.Join(t.TempDir(), "theirs.torrent"),
							peers.MakeOptions{Format: f, PieceSize: int(theirs.PieceLength), Private: private})
						if made.InfoHashV1 != theirs.InfoHashV1 || made.InfoHashV2 != theirs.InfoHashV2 {
							t.Errorf("libtorrent makes %+v, we make %+v", made, theirs)
						}
					}
				})
			}
		}
	}
}

// readByOthers holds the info-hash that programs without v2 read.
func readByOthers(t *testing.T, torrent, hash string) {
	t.Helper()
	for _, reader := range [][]string{{"transmission-show", torrent}, {"aria2c", "-S", torrent}} {
		path, err := exec.LookPath(reader[0])
		if err != nil {
			t.Logf("not installed: %s", reader[0])
			continue
		}
		out := tool(t, path, reader[1:]...)
		found := regexp.MustCompile(`(?i)hash: ([0-9a-f]{40})`).FindStringSubmatch(out)
		if found == nil || !strings.EqualFold(found[1], hash) {
			t.Errorf("%s reads %q, want %s", reader[0], found, hash)
		}
	}
}

func compareInfo(t *testing.T, theirs peers.TorrentInfo, lines []line) {
	t.Helper()
	if len(lines) != 1 || lines[0].Type != "info" {
		t.Fatalf("potluck info said %+v", lines)
	}
	ours := lines[0]
	if ours.InfoHashV1 != theirs.InfoHashV1 || ours.InfoHashV2 != theirs.InfoHashV2 {
		t.Errorf("info-hashes %q %q, libtorrent reads %q %q", ours.InfoHashV1, ours.InfoHashV2, theirs.InfoHashV1, theirs.InfoHashV2)
	}
	if ours.Name != theirs.Name || ours.PieceLength != theirs.PieceLength || ours.Private != theirs.Private {
		t.Errorf("potluck reads %+v, libtorrent %+v", ours, theirs)
	}
	var total int64
	sizes := map[string]int64{}
	for _, f := range theirs.Files {
		total += f.Size
		sizes[strings.TrimPrefix(f.Path, theirs.Name+"/")] = f.Size
	}
	if len(ours.Files) != len(theirs.Files) || ours.Size != total {
		t.Errorf("potluck reads %d files of %d bytes, libtorrent %d of %d", len(ours.Files), ours.Size, len(theirs.Files), total)
	}
	for _, f := range ours.Files {
		if size, ok := sizes[f.Path]; !ok || size != f.Size {
			t.Errorf("%q: %d bytes, libtorrent reads %d (%v)", f.Path, f.Size, size, ok)
		}
	}
	var trackers []string
	for _, tier := range ours.Trackers {
		trackers = append(trackers, tier...)
	}
	if !slices.Equal(trackers, theirs.Trackers) {
		t.Errorf("trackers %q, libtorrent reads %q", trackers, theirs.Trackers)
	}
}
