package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCreateAndInfo(t *testing.T) {
	e := newEnvironment(t)
	dir := filepath.Join(e["HOME"], "album")
	write(t, filepath.Join(dir, "one.txt"), strings.Repeat("1", 20000))
	write(t, filepath.Join(dir, "sub", "zwei ü.txt"), "2")
	if err := os.Symlink("one.txt", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	torrent := filepath.Join(e["HOME"], "album.torrent")
	r := e.potluck(t, "create", dir, "-o", torrent, "--piece-size", "16K", "--tracker", "http://tracker.example/announce,x", "--web-seed", "http://w.example/", "--comment", "hello\x1b[2J")
	if r.code != 0 || r.stdout != "" || !strings.Contains(r.stderr, "link: skipped: a symbolic link") || !strings.Contains(r.stderr, "2 pieces of 16K") {
		t.Fatalf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	const want = `{"type":"info","name":"album","infohash_v1":"V1","infohash_v2":"V2","piece_length":16384,"size":20001,"private":false,` +
		`"files":[{"path":"one.txt","size":20000},{"path":"sub/zwei ü.txt","size":1}],` +
		`"trackers":[["http://tracker.example/announce,x"]],"web_seeds":["http://w.example/"]}` + "\n"
	got := e.ok(t, "info", torrent, "--json")
	info := parseLines(t, got)[0]
	v1, v2 := info["infohash_v1"].(string), info["infohash_v2"].(string)
	if got != strings.NewReplacer("V1", v1, "V2", v2).Replace(want) || len(v1) != 40 || len(v2) != 64 {
		t.Errorf("got %s", got)
	}
	text := e.ok(t, "info", torrent)
	if !strings.Contains(text, `hello\x1b[2J`) || strings.Contains(text, "\x1b") || !strings.Contains(text, "20 kB (20001 bytes)") {
		t.Errorf("got %s", text)
	}
	// The same content gives the same info-hash, whatever is said about it.
	other := parseLines(t, e.ok(t, "create", dir, "-o", torrent, "--piece-size", "16384", "--json"))[0]
	if other["infohash_v1"] != v1 || other["infohash_v2"] != v2 {
		t.Errorf("got %v", other)
	}
	if entries, err := os.ReadDir(e["HOME"]); err != nil || len(entries) != 2 {
		t.Errorf("create and info of a file left %v, %v", entries, err)
	}
}

func TestInfoOfLinks(t *testing.T) {
	e := newEnvironment(t)
	for link, want := range map[string]string{
		"magnet:?xt=urn:btih:" + hash + "&dn=a%1bb&xl=7&tr=http%3A%2F%2Ft%2Fannounce": `{"type":"info","name":"a\u001bb","infohash_v1":"` + hash +
			`","size":7,"private":false,"trackers":[["http://t/announce"]],"web_seeds":[]}`,
		hash: `{"type":"info","infohash_v1":"` + hash + `","private":false,"trackers":[],"web_seeds":[]}`,
	} {
		if got := e.ok(t, "info", link, "--json"); got != want+"\n" {
			t.Errorf("got %s\nwant %s", got, want)
		}
		if got := e.ok(t, "info", link); strings.Contains(got, "\x1b") {
			t.Errorf("got %q", got)
		}
	}
}

func TestPieceSize(t *testing.T) {
	for text, want := range map[string]pieceSize{"16384": 16384, "16K": 16384, "16k": 16384, "4M": 4 << 20, "4MiB": 4 << 20, "0": 0, "-1": 0, "K": 0, "1G": 0, "9999999999999M": 0} {
		var p pieceSize
		if err := p.UnmarshalText([]byte(text)); p != want || (err == nil) != (want != 0) {
			t.Errorf("%s is %d, %v", text, p, err)
		}
	}
}
