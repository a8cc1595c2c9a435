package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// Why nobody finds a share is said when it is shared, once, and only of what was shared now.
func TestShareTellsItsReach(t *testing.T) {
	e := newEnvironment(t)
	old, a, b := write(t, filepath.Join(e["HOME"], "old"), "o"), write(t, filepath.Join(e["HOME"], "a"), "a"), write(t, filepath.Join(e["HOME"], "b"), "b")
	for _, c := range []struct {
		args  string
		codes []string
	}{
		{"share --json " + old, []string{"offline"}},
		{"share --json --private --tracker http://127.0.0.1:9/announce " + a + " " + b, []string{"private", "private"}},
	} {
		p := e.begin(t, strings.Fields(c.args)...)
		var ids []any
		for range c.codes {
			ids = append(ids, p.next("shared")["id"])
		}
		for i, code := range c.codes {
			if got := p.next("reach"); got["id"] != ids[i] || got["network"] != "dht" || got["found"] != false || got["code"] != code ||
				got["why"] == nil || got["seconds"] != nil || got["checked"] != nil {
				t.Errorf("%s: %v", c.args, got)
			}
		}
		p.interrupt()
		for p.lines.Scan() {
			t.Error("and then:", p.lines.Text())
		}
		if code := <-p.code; code != 0 {
			t.Error("exit", code)
		}
	}

	// People are told beside the link, or not at all.
	for _, c := range []struct{ flag, want string }{
		{"--no-color", "DHT: not found by other nodes: this node is offline\n  Fix: leave --offline out"},
		{"-q", ""},
	} {
		p := e.begin(t, "share", old, c.flag)
		if !p.lines.Scan() || !strings.HasPrefix(p.lines.Text(), "magnet:") {
			t.Errorf("%q", p.lines.Text())
		}
		if c.want == "" {
			p.interrupt()
		} else {
			p.stderr.await(t, c.want)
			p.interrupt()
		}
		if code := p.end(); code != 0 || c.want == "" && p.stderr.String() != "" {
			t.Errorf("exit %d: %s", code, p.stderr.String())
		}
	}

	// With a node running, nobody waits; whoever asks is told.
	up := e.begin(t, "up", "--json", "--api", "127.0.0.1:0")
	up.next("status")
	shared := parseLines(t, e.ok(t, "share", "--json", old))
	if len(shared) != 1 || shared[0]["type"] != "shared" {
		t.Errorf("%v", shared)
	}
	id := shared[0]["id"].(string)
	for _, l := range parseLines(t, e.ok(t, "ls", "--json")) {
		if r, ok := l["reach"].(map[string]any); !ok || r["found"] != false || r["code"] != "offline" && r["code"] != "private" {
			t.Errorf("%v", l)
		}
	}
	if r := parseLines(t, e.ok(t, "info", id, "--json"))[0]["reach"].(map[string]any); r["code"] != "offline" {
		t.Errorf("%v", r)
	}
	if text := e.ok(t, "info", id); !strings.Contains(text, "not found by other nodes: this node is offline\n") {
		t.Error(text)
	}
	if st := parseLines(t, e.ok(t, "status", "--json"))[0]; st["dht"] != nil {
		t.Errorf("%v", st)
	}
	if text := e.ok(t, "status"); strings.Contains(text, "DHT") {
		t.Error(text)
	}
	e.ok(t, "down")
	up.end()
}
