package main

import (
	"path/filepath"
	"strings"
	"testing"
)

const hash = "9f2c4b8fca39cdb0f1f06d3bf2ab07e1e7a8d1c2"

func TestRefused(t *testing.T) {
	e := newEnvironment(t)
	file := write(t, filepath.Join(e["HOME"], "a.txt"), "a")
	bad := write(t, filepath.Join(e["HOME"], "bad.torrent"), "d4:infod4:name1:a6:lengthi-1eee")
	cases := []struct {
		args string
		code int
		want string // part of the message
	}{
		{"", 2, "expected one of"},
		{"shar", 2, "unexpected argument shar"},
		{"share", 2, "<path>"},
		{"share " + file + " --colour", 2, "unknown flag --colour"},
		{"share --format v3 " + file, 2, "--format must be one of"},
		{"share --name x " + file + " " + file, 2, "--name gives one name to 2 objects"},
		{"share --torrent x " + file + " " + file, 2, "--torrent writes one file for 2 objects"},
		{"share --public --private " + file, 2, "--private"},
		{"share --feed x " + file + " " + file, 2, "--feed gives one name to 2 objects"},
		{"share --feed x --private " + file, 2, "--feed and --private"},
		{"share --feed " + strings.Repeat("x", 65) + " " + file, 2, "1 to 64 bytes"},
		{"get --follow " + hash, 2, "only feeds can be followed"},
		{"get --follow magnet:?xs=urn:btpk:" + strings.Repeat("0", 64), 1, "not in it"},
		{"share --up fast " + file, 2, "--up"},
		{"share --listen nowhere " + file, 2, "has no port"},
		{"share --listen example.org:1 " + file, 2, "cannot listen at the name"},
		{"get", 2, "<link>"},
		{"get --require-encryption none " + hash, 2, "--require-encryption must be one of"},
		{"get --peer x@192.0.2.1:1 " + hash, 2, "a node's key has 52 characters"},
		{"get nonsense", 2, " is not a link"},
		{"get ipfs://bafy", 2, " is not a link"},
		{"get magnet:?dn=x", 2, " is not a link"},
		{"get --wait soon " + hash, 2, "--wait"},
		{"get --wait=-1s " + hash, 2, "in the past"},
		{"get --detach " + hash, 9, "no potluck is running"},
		{"get " + filepath.Join(e["HOME"], "gone.torrent"), 7, "gone.torrent"},
		{"get " + bad, 1, "not valid"},
		{"create " + file, 2, "--output"},
		{"create " + file + " -o x.torrent --piece-size 3", 2, "piece size"},
		{"create " + file + " -o x.torrent --piece-size big", 2, "no piece size"},
		{"create " + filepath.Join(e["HOME"], "gone") + " -o x.torrent", 7, "gone"},
		{"create " + file + " -o " + filepath.Join(e["HOME"], "no", "x.torrent"), 7, "cannot write"},
		{"create " + file + " -o " + file, 2, "is not an older .torrent file"},
		{"create " + bad + " -o " + bad, 2, "is not an older .torrent file"},
		{"share " + file + " --torrent " + file, 2, "is not an older .torrent file"},
		{"create " + file + " -o " + filepath.Join(e["HOME"], "x.torrent") + " --tracker nowhere", 2, "not a tracker"},
		{"create " + file + " -o " + filepath.Join(e["HOME"], "x.torrent") + " --web-seed file:///etc/passwd", 2, "not a web seed"},
		{"files 0ba", 2, "the first 4 or more"},
		{"up --api 0.0.0.0:0", 2, "open to other machines"},
		{"up --api example.org:80", 2, "open to other machines"},
		{"up --api [::]:0", 2, "open to other machines"},
		{"status", 9, "no potluck is running"},
		{"peers", 9, "no potluck is running"},
		{"pause 0badcafe", 9, "no potluck is running"},
		{"resume 0badcafe", 9, "no potluck is running"},
		{"down", 9, "no potluck is running"},
		{"info 0badcafe", 1, "no such object"},
		{"info nonsense", 2, "link"},
		{"info " + bad, 1, "not valid"},
		{"files 0badcafe", 1, "no such object"},
		{"verify 0badcafe", 1, "no such object"},
		{"rm 0badcafe", 1, "no such object"},
		{"rm", 2, "<id>"},
		{"--home", 2, "--home"},
	}
	for _, c := range cases {
		t.Run(c.args, func(t *testing.T) {
			args := strings.Fields(c.args)
			r := e.potluck(t, args...)
			if r.code != c.code || !strings.Contains("\n"+r.stderr, "\npotluck: ") || !strings.Contains(r.stderr, c.want) || r.stdout != "" {
				t.Errorf("exit %d, want %d with %q\n%s%s", r.code, c.code, c.want, r.stdout, r.stderr)
			}
			r = e.potluck(t, append(args, "--json")...)
			got := parseLines(t, r.stdout)
			if r.code != c.code || len(got) != 1 || got[0]["type"] != "error" || got[0]["exit"] != float64(c.code) || got[0]["code"] == "" {
				t.Errorf("exit %d with --json: %s%s", r.code, r.stdout, r.stderr)
			}
		})
	}
}

// A private share needs a tracker, because nobody else may tell of it.
func TestPrivateWithoutTracker(t *testing.T) {
	e := newEnvironment(t)
	delete(e, "POTLUCK_OFFLINE")
	file := write(t, filepath.Join(e["HOME"], "a.txt"), "a")
	if r := e.potluck(t, "share", "--private", file); r.code != 2 || !strings.Contains(r.stderr, "--tracker") {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
}

func TestHelp(t *testing.T) {
	e := newEnvironment(t)
	for _, args := range [][]string{{"help"}, {"--help"}, {"share", "--help"}, {"get", "-h"}} {
		r := e.potluck(t, args...)
		if r.code != 0 || !strings.HasPrefix(r.stdout, "Usage: potluck") || r.stderr != "" {
			t.Errorf("%v: exit %d\n%s%s", args, r.code, r.stdout, r.stderr)
		}
	}
}

func TestConfigFile(t *testing.T) {
	e := newEnvironment(t)
	name := write(t, filepath.Join(e["POTLUCK_HOME"], "config.toml"), "slotz = 3\n")
	if r := e.potluck(t, "ls"); r.code != 2 || !strings.Contains(r.stderr, "slots") {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
	for _, text := range []string{`listen = "nowhere"`, `listen = ":1`, "slotz = 3\n"} {
		write(t, name, text)
		for _, args := range [][]string{{"ls"}, {"config", "get"}, {"config", "set", "up", "1M"}} {
			if r := e.potluck(t, args...); r.code != 2 || !strings.Contains(r.stderr, name) {
				t.Errorf("%s, %v: exit %d: %s", text, args, r.code, r.stderr)
			}
		}
	}
}

// Globals stand before or after the command.
func TestGlobalsAnywhere(t *testing.T) {
	e := newEnvironment(t)
	for _, args := range [][]string{{"--json", "version"}, {"version", "--json"}} {
		if got := e.ok(t, args...); got != `{"type":"version","version":"0.1.0"}`+"\n" {
			t.Errorf("got %s", got)
		}
	}
	if got := e.ok(t, "version"); got != "potluck 0.1.0\n" {
		t.Errorf("got %s", got)
	}
}
