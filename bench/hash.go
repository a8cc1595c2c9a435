package bench

import (
	_ "embed" // the work of libtorrent, in Python
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/potluck-p2p/potluck/test/peers"
)

// hashSize is the size of the file that is hashed.
const hashSize = 4 << 30

// Hash is making a torrent of one file.
func Hash(p Programs, f peers.Format) Scenario {
	size := scaled(hashSize)
	return Scenario{
		Name: "hash-" + string(f), Title: fmt.Sprintf("a .torrent of %s, %s", human(size), f),
		About: "One file, all of it in the page cache, becomes a .torrent of pieces of 1 MiB, from the start of the program to its end. " +
			"The floor preads 1 MiB after the other on all processors and hashes it (v1: SHA-1; v2: SHA-256 of leaves of 16 KiB and the " +
			"tree above; hybrid: both). mktorrent and Transmission know v1 alone; Python's binding of libtorrent hashes in one thread, " +
			"since it passes on no settings here (its C++ API with two took 1.53 s for v1 and 2.81 s for hybrid on a like machine).",
		Prepare: func(t *testing.T) []Contender {
			file := peers.WriteFile(t, filepath.Join(t.TempDir(), "work"), 1, size)
			var all []Contender
			for _, m := range makers(t, p, f, file) {
				c := Contender{Name: m.name, Kind: m.kind, Run: func(t *testing.T) (Run, error) {
					return alone(t, m.name, size, m.args(filepath.Join(t.TempDir(), "torrent"))...)
				}}
				if c.Kind == Ours {
					c.Goals = []Goal{AtMost(1/0.95, Wall, OfFloor), AtMost(1, Wall, OfOthers)}
				}
				all = append(all, c)
			}
			return all
		},
	}
}

// maker is a program that makes torrents.
type maker struct {
	name string
	kind Kind
	args func(out string) []string
}

// makers are those that know a format.
func makers(t *testing.T, p Programs, f peers.Format, file string) []maker {
	script := libtorrentWork(t)
	all := []maker{
		{"floor", Floor, func(string) []string { return []string{p.Floor, "hash", string(f), file} }},
		{"potluck", Ours, func(out string) []string {
			return []string{p.Potluck, "create", file, "-o", out, "--format", string(f), "--piece-size", "1M"}
		}},
		{"libtorrent", Other, func(out string) []string { return []string{python, script, "create", string(f), file, out} }},
	}
	if f == peers.V1 {
		all = append(all,
			maker{"mktorrent", Other, func(out string) []string {
				return []string{"mktorrent", "-a", "http://127.0.0.1", "-l", "20", "-o", out, file}
			}},
			maker{"transmission", Other, func(out string) []string { return []string{"transmission-create", "-s", "1024", "-o", out, file} }})
	}
	return all
}

// python is the interpreter that Debian's bindings are for.
const python = "/usr/bin/python3"

//go:embed libtorrent_work.py
var libtorrentScript []byte

// libtorrentWork is the path of the script by which libtorrent works.
func libtorrentWork(t *testing.T) string {
	t.Helper()
	peers.Require(t, peers.Libtorrent)
	path := filepath.Join(t.TempDir(), "libtorrent_work.py")
	if err := os.WriteFile(path, libtorrentScript, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// scaled is a size, or a sixteenth of it when the tests are to be short.
func scaled(size int64) int64 {
	if testing.Short() {
		return size / 16
	}
	return size
}

// human is a size in words.
func human(size int64) string {
	if size < gib {
		return fmt.Sprintf("%d MiB", size/mib)
	}
	return fmt.Sprintf("%d GiB", size/gib)
}
