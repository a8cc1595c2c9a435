package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The main job, between two homes on one machine.
func TestShareAndGet(t *testing.T) {
	alice, bob := newEnvironment(t), newEnvironment(t)
	dir := filepath.Join(alice["HOME"], "trip")
	want := strings.Repeat("all along the way ", 100_000)
	write(t, filepath.Join(dir, "day 1", "log.txt"), want)
	write(t, filepath.Join(dir, "photo.jpg"), "jpeg")
	torrent := filepath.Join(alice["HOME"], "trip.torrent")

	share := alice.begin(t, "share", dir, "--json", "--torrent", torrent)
	shared := share.next("shared")
	link := shared["link"].(string)
	if !strings.Contains(link, "x.pe=127.0.0.1") || shared["size"] != float64(len(want)+4) || len(shared["listen"].([]any)) != 1 || len(shared["id"].(string)) != 8 {
		t.Errorf("shared %v", shared)
	}

	out := filepath.Join(bob["HOME"], "in")
	r := bob.potluck(t, "get", link, "-o", out, "--json")
	got := parseLines(t, r.stdout)
	done := got[len(got)-1]
	if r.code != 0 || done["type"] != "done" || done["path"] != filepath.Join(out, "trip") || done["bytes"] != shared["size"] || done["seconds"] == nil {
		t.Fatalf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	for _, line := range got[:len(got)-1] {
		if line["type"] != "progress" || line["id"] != done["id"] || line["down_rate"] == nil || line["peers"] == nil {
			t.Errorf("got %v", line)
		}
	}
	if read(t, filepath.Join(out, "trip", "day 1", "log.txt")) != want || read(t, filepath.Join(out, "trip", "photo.jpg")) != "jpeg" {
		t.Error("what arrived is not what was shared")
	}

	// What is there already is not fetched again, by whatever link.
	for _, again := range []string{link, torrent, shared["infohash_v1"].(string), shared["infohash_v2"].(string)} {
		if got := bob.ok(t, "get", again); got != filepath.Join(out, "trip")+"\n" {
			t.Errorf("get %s again: %s", again, got)
		}
	}
	id := done["id"].(string)
	if got := parseLines(t, bob.ok(t, "ls", "--json")); len(got) != 1 || got[0]["type"] != "object" || got[0]["id"] != id || got[0]["size"] != shared["size"] {
		t.Errorf("ls: %v", got)
	}
	if got := bob.ok(t, "files", id[:4], "--json"); got != fmt.Sprintf(
		`{"type":"file","path":"day 1/log.txt","size":%d,"bytes_done":%[1]d,"priority":"normal"}`+"\n"+
			`{"type":"file","path":"photo.jpg","size":4,"bytes_done":4,"priority":"normal"}`+"\n", len(want)) {
		t.Errorf("files: %s", got)
	}
	if got := parseLines(t, bob.ok(t, "info", id, "--json"))[0]; got["infohash_v2"] != shared["infohash_v2"] || len(got["files"].([]any)) != 2 {
		t.Errorf("info: %v", got)
	}
	if got := parseLines(t, bob.ok(t, "verify", id, "--json")); got[0]["id"] != id {
		t.Errorf("verify: %v", got)
	}

	share.interrupt()
	if code := share.end(); code != 0 {
		t.Errorf("an interrupted share exits with %d", code)
	}
	if r := alice.potluck(t, "rm", shared["id"].(string), "--delete-files"); r.code != 2 {
		t.Errorf("rm of the user's own files: exit %d\n%s", r.code, r.stderr)
	}
	alice.ok(t, "rm", shared["id"].(string))
	if got := alice.ok(t, "ls", "--json"); got != "" || read(t, filepath.Join(dir, "photo.jpg")) != "jpeg" {
		t.Errorf("after rm: %s", got)
	}
	bob.ok(t, "rm", id, "--delete-files")
	if _, err := os.Stat(filepath.Join(out, "trip")); !os.IsNotExist(err) {
		t.Errorf("after rm --delete-files: %v", err)
	}
}

// With a node running, commands speak to it and return.
func TestWithANode(t *testing.T) {
	e := newEnvironment(t)
	up := e.begin(t, "up", "--json", "--api", "127.0.0.1:0")
	status := up.next("status")
	api := status["api"].(string)
	file := write(t, filepath.Join(e["HOME"], "a.txt"), "content")

	link := strings.TrimSpace(e.ok(t, "share", file))
	if !strings.HasPrefix(link, "magnet:?") {
		t.Errorf("share said %s", link)
	}
	if again := strings.TrimSpace(e.ok(t, "share", file)); again != link {
		t.Errorf("the same share gave %s, then %s", link, again)
	}
	id := parseLines(t, e.ok(t, "ls", "--json"))[0]["id"].(string)
	if got := parseLines(t, e.ok(t, "pause", id, "--json"))[0]; got["state"] != "paused" {
		t.Errorf("pause: %v", got)
	}
	if got := parseLines(t, e.ok(t, "resume", id[:4], "--json"))[0]; got["state"] != "seeding" {
		t.Errorf("resume: %v", got)
	}
	if got := e.ok(t, "get", "--detach", hash); len(strings.TrimSpace(got)) != 8 {
		t.Errorf("get --detach said %s", got)
	}
	if got := e.ok(t, "peers"); got != "" {
		t.Errorf("peers: %s", got)
	}
	st := parseLines(t, e.ok(t, "status", "--json"))[0]
	if st["home"] != e["POTLUCK_HOME"] || st["version"] != "0.1.0" || st["objects"].(map[string]any)["seeding"] != 1.0 || st["api"] != api {
		t.Errorf("status: %v", st)
	}
	if text := e.ok(t, "ls"); !strings.Contains(text, "a.txt") || !strings.HasPrefix(text, "ID ") {
		t.Errorf("ls: %s", text)
	}

	if r := e.potluck(t, "up", "--api", "127.0.0.1:0"); r.code != 1 || !strings.Contains(r.stderr, fmt.Sprint(os.Getpid())) {
		t.Errorf("a second node: exit %d\n%s", r.code, r.stderr)
	}
	tcp(t, e, api)

	e.ok(t, "down")
	if code := up.end(); code != 0 {
		t.Errorf("up exits with %d\n%s", code, up.stderr.String())
	}
	if r := e.potluck(t, "status"); r.code != 9 {
		t.Errorf("status after down: exit %d", r.code)
	}
}

// tcp speaks to the API as a program would that may read the home.
func tcp(t *testing.T, e environment, api string) {
	t.Helper()
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	token := strings.TrimSpace(read(t, filepath.Join(e["POTLUCK_HOME"], "api.token")))
	for given, want := range map[string]int{token: 200, "": 401, token[1:]: 401} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+api+"/api/v1/objects", nil)
		if err != nil {
			t.Fatal(err)
		}
		if given != "" {
			req.Header.Set("Authorization", "Bearer "+given)
		}
		resp, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("with token %q: %s", given, resp.Status)
		}
	}
}

func TestSharePartly(t *testing.T) {
	e := newEnvironment(t)
	good := write(t, filepath.Join(e["HOME"], "good"), "good")
	gone := filepath.Join(e["HOME"], "gone")

	if r := e.potluck(t, "share", gone); r.code != 7 || r.stdout != "" {
		t.Errorf("exit %d: %s%s", r.code, r.stdout, r.stderr)
	}
	p := e.begin(t, "share", gone, good, "--json")
	if got := p.next("error"); got["exit"] != 7.0 {
		t.Errorf("got %v", got)
	}
	if got := p.next("shared"); got["name"] != "good" {
		t.Errorf("got %v", got)
	}
	p.interrupt()
	if code := p.end(); code != 3 {
		t.Errorf("exit %d", code)
	}
}

func TestGetNobodyHasIt(t *testing.T) {
	e := newEnvironment(t)
	r := e.potluck(t, "get", hash, "--wait", "10ms", "--json")
	got := parseLines(t, r.stdout)
	if last := got[len(got)-1]; r.code != 4 || last["type"] != "error" || last["exit"] != 4.0 || last["code"] != "no-source" {
		t.Errorf("exit %d: %s%s", r.code, r.stdout, r.stderr)
	}
}

func TestGetInterrupted(t *testing.T) {
	e := newEnvironment(t)
	p := e.begin(t, "get", hash, "--json")
	if got := p.next("progress"); got["state"] != "resolving" || got["bytes_total"] != nil || got["eta"] != nil {
		t.Errorf("got %v", got)
	}
	p.interrupt()
	if got := p.next("error"); got["code"] != "interrupted" || !strings.Contains(got["hint"].(string), "same command") {
		t.Errorf("got %v", got)
	}
	if code := p.end(); code != 130 {
		t.Errorf("exit %d", code)
	}
	if got := parseLines(t, e.ok(t, "ls", "--json")); len(got) != 1 {
		t.Errorf("the home forgot the object: %v", got)
	}
}

// A home given by a relative path is the same for whoever is in another folder.
func TestRelativeHome(t *testing.T) {
	e := newEnvironment(t)
	t.Chdir(e["HOME"])
	r := e.potluck(t, "status", "--home", "here")
	if r.code != 9 || !strings.Contains(r.stderr, filepath.Join(e["HOME"], "here")) {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
}

// A home too deep for a socket in it works like any other.
func TestDeepHome(t *testing.T) {
	e := newEnvironment(t)
	e["POTLUCK_HOME"] = filepath.Join(e["HOME"], strings.Repeat("deep", 40))
	up := e.begin(t, "up", "--json", "--api", "127.0.0.1:0")
	up.next("status")
	e.ok(t, "status")
	e.ok(t, "down")
	if code := up.end(); code != 0 {
		t.Errorf("exit %d", code)
	}
}

// A node that is told to end while it starts has done what it was told.
func TestUpInterruptedEarly(t *testing.T) {
	e := newEnvironment(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr buffer
	if code := run(ctx, []string{"up", "--api", "127.0.0.1:0"}, e.lookup, &stdout, &stderr); code != 0 || stderr.String() != "" {
		t.Errorf("exit %d: %s", code, stderr.String())
	}
}

// A command that only looks tells of a damaged catalog too, and shows the last good state.
func TestDamagedCatalogIsTold(t *testing.T) {
	e := newEnvironment(t)
	p := e.begin(t, "share", "--json", write(t, filepath.Join(e["HOME"], "a.txt"), "content"))
	p.next("shared")
	p.interrupt()
	p.end()
	catalog := filepath.Join(e["POTLUCK_HOME"], "catalog.db")
	write(t, catalog, "no database")
	r := e.potluck(t, "ls", "--json")
	if got := parseLines(t, r.stdout); r.code != 0 || len(got) != 1 || got[0]["name"] != "a.txt" {
		t.Errorf("exit %d: %s", r.code, r.stdout)
	}
	if !strings.Contains(r.stderr, "damaged") || !strings.Contains(r.stderr, catalog+".damaged-") {
		t.Errorf("it said %q", r.stderr)
	}
	if r := e.potluck(t, "ls"); r.code != 0 || r.stderr != "" {
		t.Errorf("the second time: exit %d: %s", r.code, r.stderr)
	}
}
