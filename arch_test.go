package potluck_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const modulePath = "github.com/potluck-p2p/potluck"

// A room is a folder of the house; packages below it belong to it, unless a longer row names them.
type room struct {
	path  string // below the module, "." is the root package
	floor int
	// each makes every direct sub-folder a room of its own: internal/wire/peer and internal/wire/tracker are neighbours.
	each bool
	// pure rooms decide without I/O: they are handed the clock, the randomness, the bytes.
	pure bool
	// only, when set, is everything of the house that the room may import.
	only []string
}

// house is the table of the house. Imports go down only; what is not here is no room.
var house = []room{
	{path: "cmd", floor: 7, only: []string{".", "internal/api", "internal/config", "internal/host", "internal/vfs"}},
	{path: "internal/api", floor: 6, only: []string{".", "internal/netx", "internal/vfs"}},
	{path: "web", floor: 6, only: []string{}},
	{path: ".", floor: 5},
	{path: "internal/node", floor: 4},
	{path: "internal/config", floor: 4},
	{path: "internal/network", floor: 3, each: true},
	{path: "internal/discovery", floor: 3, each: true},
	{path: "internal/reach", floor: 3},
	{path: "internal/reach/doctor", floor: 3, pure: true, only: []string{}},
	{path: "internal/inspect", floor: 3, only: []string{"internal/fault", "internal/identity", "internal/link", "internal/netx", "internal/selection", "internal/vfs", "internal/wire/metainfo"}},
	{path: "internal/create", floor: 3, only: []string{"internal/content", "internal/fault", "internal/inspect", "internal/layout/torrent", "internal/store", "internal/vfs", "internal/wire/metainfo"}},
	{path: "internal/local", floor: 3, only: []string{"internal/catalog", "internal/content", "internal/fault", "internal/intake", "internal/layout/torrent", "internal/scheduler", "internal/store", "internal/vfs", "internal/wire/metainfo"}},
	{path: "internal/swarm", floor: 2, pure: true},
	{path: "internal/fault", floor: 2, only: []string{"internal/catalog", "internal/link", "internal/netx", "internal/store", "internal/wire/metainfo"}},
	{path: "internal/host", floor: 2, only: []string{"internal/ceiling", "internal/vfs"}},
	{path: "internal/selection", floor: 2, pure: true, only: []string{"internal/content", "internal/fault", "internal/link"}},
	{path: "internal/intake", floor: 2, only: []string{"internal/content", "internal/layout", "internal/store"}},
	{path: "internal/protocol", floor: 1, each: true, pure: true},
	{path: "internal/scheduler", floor: 1, pure: true, only: []string{"internal/content"}},
	{path: "internal/choker", floor: 1, pure: true, only: []string{"internal/content"}},
	{path: "internal/addressbook", floor: 1, pure: true, only: []string{"internal/identity"}},
	{path: "internal/feed", floor: 1, pure: true, only: []string{}},
	{path: "internal/blocklist", floor: 1, pure: true, only: []string{}},
	{path: "internal/ceiling", floor: 1, pure: true, only: []string{}},
	{path: "internal/schedule", floor: 1, pure: true, only: []string{}},
	{path: "internal/ownaddr", floor: 1, pure: true, only: []string{}},
	{path: "internal/admission", floor: 1, pure: true, only: []string{}},
	{path: "internal/layout", floor: 1, each: true, pure: true},
	{path: "internal/store", floor: 1, only: []string{"internal/content", "internal/vfs"}},
	{path: "internal/catalog", floor: 1},
	{path: "internal/reconcile", floor: 1, pure: true},
	{path: "internal/link", floor: 1, pure: true},
	{path: "internal/wire", floor: 0, each: true, pure: true},
	{path: "internal/content", floor: 0, pure: true},
	{path: "internal/identity", floor: 0, pure: true},
	{path: "internal/vfs", floor: 0},
	{path: "internal/netx", floor: 0},
	// The simulation drives the decisions of many nodes over fake links and disks: below the network rooms.
	{path: "internal/sim", floor: 3},
	// The black-box tests and the benchmark speak to the binary, never to the code.
	{path: "test", floor: 7, only: []string{"test"}},
	{path: "bench", floor: 7, only: []string{"test", "bench"}},
	// Its synthetic peers speak to what is measured, in the words that everybody has.
	{path: "bench/load", floor: 7, only: []string{"internal/wire/metainfo", "internal/wire/peer"}},
}

// sideways are the imports between rooms of one floor that are meant, with the reason.
var sideways = map[string]string{
	"internal/wire/metainfo -> internal/wire/bencode": "a .torrent is bencoded",
	"internal/wire/metainfo -> internal/content":      "a .torrent names files, and content.Path is the guard of names",
	"internal/wire/peer -> internal/wire/bencode":     "payloads of BEP 10 messages are bencoded",
	"internal/wire/tracker -> internal/wire/bencode":  "HTTP tracker responses are bencoded",
	"internal/wire/tracker -> internal/content":       "what trackers say is shown, and content.Printable is the guard of that",
	"internal/wire/feed -> internal/wire/bencode":     "the values of feeds are bencoded",
	"internal/wire/feed -> internal/wire/metainfo":    "a feed points at an info-hash",
	"internal/wire/krpc -> internal/wire/bencode":     "messages of the DHT are bencoded",
	"internal/wire/krpc -> internal/content":          "what nodes say is shown, and content.Printable is the guard of that",
	"internal/netx -> internal/wire/socks":            "a network through a proxy speaks its language",
	"internal/protocol/dht -> internal/ownaddr":       "nodes of the DHT say our address as peers and trackers do",
	"internal/selection -> internal/fault":            "a pattern that nobody can understand is the user's to mend",
	"internal/create -> internal/inspect":             "trackers and web seeds that a user names are judged in one place",
	"internal/node -> internal/config":                "the node is wired from its configuration",
	"bench -> test":                                   "the benchmark starts the same clients as the tests",
}

// handed are the packages that let code reach for disk, network or randomness by itself. Pure rooms import none. (What they
// may call of package net is judged by the lint test.)
var handed = []string{
	"net/http", "os", "os/exec", "os/signal", "syscall", "database/sql", "crypto/rand", "io/ioutil",
	"golang.org/x/sys", "golang.org/x/net",
	modulePath + "/internal/vfs", modulePath + "/internal/netx", modulePath + "/internal/store", modulePath + "/internal/catalog",
}

// external names who may use which module that is not ours. A module that is not here is used by nobody.
var external = map[string][]string{
	"github.com/alecthomas/kong":          {"cmd"},
	"github.com/vbauerster/mpb":           {"cmd"},
	"rsc.io/qr":                           {"cmd"},
	"golang.org/x/term":                   {"cmd"},
	"github.com/danielgtaylor/huma":       {"internal/api"},
	"github.com/coder/websocket":          {"internal/api"},
	"github.com/prometheus/client_golang": {"internal/api", "internal/node"},
	"github.com/BurntSushi/toml":          {"internal/config"},
	"modernc.org/sqlite":                  {"internal/catalog"},
	"github.com/libp2p":                   {"internal/network/ipfs"},
	"github.com/ipfs":                     {"internal/network/ipfs"},
	"github.com/multiformats":             {"internal/network/ipfs"},
	"github.com/huin/goupnp":              {"internal/reach"},
	"github.com/fsnotify/fsnotify":        {"internal/network/syncthing", "internal/vfs"},
	"golang.org/x/time/rate":              {"internal/netx"},
	"golang.org/x/sys":                    {"internal/netx", "internal/vfs", "test/lab"},
	"golang.org/x/net":                    {"internal/netx", "internal/discovery", "internal/reach"},
	"golang.org/x/sync":                   {"*"},
	"golang.org/x/text":                   {"internal/content"},
	"golang.org/x/crypto":                 {"internal/protocol", "internal/network"},
	"filippo.io/age":                      {"internal/node"},
}

// standardOnly names who may use parts of the standard library that reach outside.
var standardOnly = map[string][]string{
	"database/sql": {"internal/catalog"},
	"os/exec":      {"test", "bench"},
	"plugin":       {},
	"unsafe":       {},
	"C":            {},
}

type listed struct {
	ImportPath string
	Imports    []string
	Standard   bool
}

func TestArchitecture(t *testing.T) {
	for _, p := range listPackages(t) {
		here := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, modulePath), "/")
		if here == "" {
			here = "."
		}
		for _, fault := range judgeImports(here, p.Imports) {
			t.Error(fault)
		}
	}
}

// TestArchitectureCatches holds the judge itself: imports that must be refused, and neighbours of theirs that are fine.
func TestArchitectureCatches(t *testing.T) {
	in := func(p string) string { return modulePath + "/" + p }
	for _, c := range []struct {
		from, imports string
		fault         string // part of the message, "" for none
	}{
		{"internal/wire/peer", in("internal/wire/bencode"), ""},
		{"internal/wire/peer", in("internal/wire/tracker"), "sideways"},
		{"internal/wire/peer/sub", in("internal/wire/peer"), ""},
		{"internal/wire/peer", in("internal/scheduler"), "up"},
		{"internal/vfs/vfstest", in("internal/vfs"), ""},
		{"internal/swarm", in("internal/scheduler"), ""},
		{"internal/swarm", in("internal/vfs"), "pure"},
		{"internal/swarm", in("internal/store"), "pure"},
		{"internal/scheduler", in("internal/wire/peer"), "may import only"},
		{"internal/protocol/bittorrent", "net/netip", ""},
		{"internal/protocol/bittorrent", "net/http", "pure"},
		{"internal/layout/torrent", "os", "pure"},
		{"internal/network/bittorrent", in("internal/network/web"), "sideways"},
		{"internal/network/bittorrent", in("internal/discovery/dht"), "sideways"},
		{"internal/network/bittorrent", in("internal/swarm"), ""},
		{"internal/network/bittorrent", "modernc.org/sqlite", "modernc.org/sqlite"},
		{"internal/catalog", "modernc.org/sqlite", ""},
		{"internal/network/web", "github.com/libp2p/go-libp2p/core/peer", "libp2p"},
		{"internal/network/ipfs", "github.com/libp2p/go-libp2p/core/peer", ""},
		{"internal/node", "example.org/unknown", "named"},
		{"internal/api/v1", in(""), ""},
		{"internal/api/v1", in("internal/node"), "may import only"},
		{"cmd/potluck", in("internal/api/client"), ""},
		{"cmd/potluck", in("internal/swarm"), "may import only"},
		{".", in("internal/node"), ""},
		{".", in("internal/api/v1"), "up"},
		{"internal/sim", in("internal/swarm"), ""},
		{"internal/sim", in("internal/network/bittorrent"), "sideways"},
		{"internal/sim", in("internal/node"), "up"},
		{"internal/nowhere", "fmt", "no room"},
		{"test/e2e", in("test/peers"), ""},
		{"test/e2e", in("internal/wire/bencode"), "may import only"},
	} {
		got := strings.Join(judgeImports(c.from, []string{strings.TrimSuffix(c.imports, "/")}), "; ")
		if c.fault == "" && got != "" || !strings.Contains(got, c.fault) {
			t.Errorf("%s importing %s: got %q, want %q", c.from, c.imports, got, c.fault)
		}
	}
}

// judgeImports returns what is wrong with the imports of the package at here, a path below the module.
func judgeImports(here string, imports []string) []string {
	from, ok := findRoom(here)
	if !ok {
		return []string{here + " is no room of the house: name it in the table of arch_test.go and ARCHITECTURE.md"}
	}
	var faults []string
	fault := func(format string, args ...any) {
		faults = append(faults, here+" "+fmt.Sprintf(format, args...))
	}
	for _, imp := range imports {
		if from.pure && slices.ContainsFunc(handed, func(h string) bool { return isBelow(imp, h) }) {
			fault("is pure and imports %s: it must be handed in", imp)
			continue
		}
		if imp != modulePath && !strings.HasPrefix(imp, modulePath+"/") {
			if who, ok := permitted(imp); ok && !slices.ContainsFunc(who, func(w string) bool { return w == "*" || isBelow(here, w) }) {
				fault("may not import %s: that belongs to %v", imp, who)
			} else if !ok && strings.Contains(strings.Split(imp, "/")[0], ".") {
				fault("imports %s, which is not named in arch_test.go", imp)
			}
			continue
		}
		there := strings.TrimPrefix(strings.TrimPrefix(imp, modulePath), "/")
		if there == "" {
			there = "."
		}
		to, ok := findRoom(there)
		switch {
		case !ok:
			fault("imports %s, which is no room of the house", there)
		case to.path == from.path:
		case from.only != nil && !slices.ContainsFunc(from.only, func(o string) bool { return isBelow(there, o) }):
			fault("imports %s; it may import only %v", there, from.only)
		case to.floor > from.floor:
			fault("(floor %d) imports up: %s (floor %d)", from.floor, there, to.floor)
		case to.floor == from.floor && sideways[from.path+" -> "+to.path] == "":
			fault("imports sideways: %s, on the same floor %d", there, to.floor)
		}
	}
	return faults
}

// findRoom finds the room a package lies in: the longest row that is a prefix of its path.
func findRoom(path string) (room, bool) {
	best, found := room{}, false
	for _, r := range house {
		if !isBelow(path, r.path) || found && len(r.path) <= len(best.path) {
			continue
		}
		if r.each {
			rest := strings.TrimPrefix(path, r.path+"/")
			if rest == path {
				continue // the folder of neighbours is itself no room
			}
			first, _, _ := strings.Cut(rest, "/")
			r.path += "/" + first
		}
		best, found = r, true
	}
	return best, found
}

// permitted finds who may import a package from outside the house; ok is false when no row speaks of it.
func permitted(imp string) (who []string, ok bool) {
	best := ""
	for _, table := range []map[string][]string{external, standardOnly} {
		for prefix, rooms := range table {
			if isBelow(imp, prefix) && len(prefix) > len(best) {
				best, who, ok = prefix, rooms, true
			}
		}
	}
	return who, ok
}

// isBelow reports whether path is dir or lies below it.
func isBelow(path, dir string) bool {
	return path == dir || dir != "." && strings.HasPrefix(path, dir+"/")
}

// listPackages asks the go command for the module's packages. Imports of tests are not judged.
func listPackages(t *testing.T) []listed {
	t.Helper()
	// -e: a package that does not build is the build's fault to report, and the others are still judged.
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Imports,Standard", "./...")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var pkgs []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
	if len(pkgs) == 0 {
		t.Fatal("go list found no packages")
	}
	return pkgs
}
