package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestConfig(t *testing.T) {
	e := newEnvironment(t)
	file := filepath.Join(e["POTLUCK_HOME"], "config.toml")
	e.ok(t, "config", "set", "ratio", "1.5")
	write(t, file, read(t, file)+"# not too fast\nup = \"1M\" # bytes\n")
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	e.ok(t, "config", "set", "up", "2M")
	if got := read(t, file); got != "ratio = \"1.5\"\n# not too fast\nup = \"2M\" # bytes\n" {
		t.Errorf("the file is %q", got)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", info, err)
	}
	if got := e.ok(t, "config", "get", "up"); got != "2M\n" {
		t.Errorf("get says %q", got)
	}
	if got := e.ok(t, "config", "get"); !strings.Contains(got, "ratio = 1.5\n") || !strings.Contains(got, "active_fetches = 5\n") {
		t.Errorf("get says %q", got)
	}
	for key, want := range map[string]map[string]any{
		"up":             {"type": "setting", "value": "2M", "source": "file", "where": file + ":3"},
		"home":           {"value": e["POTLUCK_HOME"], "source": "environment", "where": "POTLUCK_HOME"},
		"seed_time":      {"value": "0", "source": "default"},
		"max_peers":      {"source": "default"},
		"--down=5K down": {"value": "5K", "source": "flag", "where": "--down"},
	} {
		got := parseLines(t, e.ok(t, append([]string{"config", "explain", "--json"}, strings.Fields(key)...)...))[0]
		for field, value := range want {
			if got[field] != value {
				t.Errorf("%s: %s is %v, want %v", key, field, got[field], value)
			}
		}
	}
	if got := e.ok(t, "config", "explain"); !strings.HasPrefix(got, "KEY ") || !strings.Contains(got, file+":3") {
		t.Errorf("explain says %s", got)
	}
	before := read(t, file)
	for _, args := range [][]string{{"set", "up", "fast"}, {"set", "upp", "1"}, {"get", "upp"}, {"set", "slots", "0"}, {"set", "up"}} {
		if r := e.potluck(t, append([]string{"config"}, args...)...); r.code != 2 {
			t.Errorf("%v: exit %d %s", args, r.code, r.stderr)
		}
	}
	if read(t, file) != before {
		t.Error("a refused value changed the file")
	}
	// A link is the user's way of keeping the file elsewhere: it is not replaced.
	if err := os.Rename(file, file+".mine"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file+".mine", file); err != nil {
		t.Fatal(err)
	}
	if r := e.potluck(t, "config", "set", "up", "3M"); r.code != 7 || read(t, file) != before {
		t.Errorf("exit %d %s", r.code, r.stderr)
	}
}
