package main

import (
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
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
	shared := lines(t, e.ok(t, "share", "--json", old))
	if len(shared) != 1 || shared[0]["type"] != "shared" {
		t.Errorf("%v", shared)
	}
	id := shared[0]["id"].(string)
	for _, l := range lines(t, e.ok(t, "ls", "--json")) {
		if r, ok := l["reach"].(map[string]any); !ok || r["found"] != false || r["code"] != "offline" && r["code"] != "private" {
			t.Errorf("%v", l)
		}
	}
	if r := lines(t, e.ok(t, "info", id, "--json"))[0]["reach"].(map[string]any); r["code"] != "offline" {
		t.Errorf("%v", r)
	}
	if text := e.ok(t, "info", id); !strings.Contains(text, "not found by other nodes: this node is offline\n") {
		t.Error(text)
	}
	if st := lines(t, e.ok(t, "status", "--json"))[0]; st["dht"] != nil {
		t.Errorf("%v", st)
	}
	if text := e.ok(t, "status"); strings.Contains(text, "DHT") {
		t.Error(text)
	}
	e.ok(t, "down")
	up.end()
}

func TestReachText(t *testing.T) {
	seconds := 2.06
	for want, r := range map[string]v1.Reach{
		"found by other nodes in 2.1 s":                   {Found: true, Seconds: &seconds},
		"found by other nodes in 2.1 s; but nobody comes": {Found: true, Seconds: &seconds, Why: "nobody comes"},
		"not found by other nodes: no answer":             {Seconds: &seconds, Why: "no answer"},
		`not found by other nodes: from \x1b[2Jelsewhere`: {Why: "from \x1b[2Jelsewhere"},
	} {
		if got := reachText(&r); got != want {
			t.Errorf("%+v is %q", r, got)
		}
	}
}

func TestCrowdText(t *testing.T) {
	one, many := 1, 12
	for want, r := range map[string]v1.Reach{
		"":                               {Seeders: &one},
		", about 1 seed and 12 leechers": {Seeders: &one, Leechers: &many},
	} {
		if got := crowdText(&r); got != want {
			t.Errorf("%q", got)
		}
	}
}

func TestDHTText(t *testing.T) {
	network := int64(1200)
	in := v1.Status{DHT: &v1.DHT{
		Nodes: []v1.DHTNode{
			{Family: "ipv4", ID: "ab12", State: "joined", Known: 47, Network: &network},
			{Family: "ipv6", ID: "cd34", State: "alone", Known: 1},
		},
		Refused: map[string]int64{"malformed": 3, "bad_token": 1},
	}}
	unreached := v1.Status{DHT: &v1.DHT{Nodes: []v1.DHTNode{{Family: "ipv4", ID: "ab12", State: "joined", ReadOnly: true, Known: 40, Standing: "unreached"}}, Hint: "open the port"}}
	plain := "\nDHT      joined (ipv4), knows 47 nodes of about 1200, id ab12\nDHT      alone (ipv6), knows 1 node, id cd34"
	for _, c := range []struct {
		name    string
		status  v1.Status
		verbose bool
		want    string
	}{
		{"in it", in, false, plain},
		{"in it, verbose", in, true, plain + "\nRefused  bad token 1, malformed 3"},
		{"read-only", unreached, false, "\nDHT      joined (ipv4), knows 40 nodes, id ab12, read-only: nobody reaches us\nFix      open the port"},
		{"off", v1.Status{}, false, "\nDHT      off"},
		{"offline", v1.Status{Offline: true}, true, ""},
	} {
		if got := dhtText(c.status, c.verbose); got != c.want {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}
