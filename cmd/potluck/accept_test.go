package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// verify says that a share has changed, and with --accept takes it as it is.
func TestVerifyAccept(t *testing.T) {
	e := newEnvironment(t)
	file := write(t, filepath.Join(e["HOME"], "a.txt"), "first")
	share := e.begin(t, "share", file, "--json")
	was := share.next("shared")
	share.interrupt()
	share.end()
	write(t, file, "second")
	id := was["id"].(string)
	if r := e.potluck(t, "verify", id); r.code != 6 || !strings.Contains(r.stderr, "--accept") {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
	got := parseLines(t, e.ok(t, "verify", id, "--accept", "--json"))[0]
	if got["type"] != "shared" || got["id"] != id || got["link"] == was["link"] || got["infohash_v2"] == was["infohash_v2"] || got["size"] != 6.0 {
		t.Errorf("accepted %v", got)
	}
	if text := e.ok(t, "verify", id, "--accept"); text != got["link"].(string)+"\n" {
		t.Errorf("accepted %s", text)
	}
	e.ok(t, "verify", id)
}
