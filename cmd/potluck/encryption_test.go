package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestRequiredEncryption: a command that asks for more than the running node gives is refused, and told how to get it.
func TestRequiredEncryption(t *testing.T) {
	for _, c := range []struct {
		configured string // as the node runs
		flag       string
		refused    bool
	}{
		{"prefer", "authenticated", true},
		{"require", "obfuscated", false},
		{"authenticated", "obfuscated", false},
		{"off", "obfuscated", true},
	} {
		t.Run(c.configured+" and "+c.flag, func(t *testing.T) {
			e := newEnvironment(t)
			e["POTLUCK_ENCRYPTION"] = c.configured
			first, second := write(t, filepath.Join(e["HOME"], "a"), "a"), write(t, filepath.Join(e["HOME"], "b"), "b")
			share := e.begin(t, "share", first, "--json")
			share.next("shared")
			delete(e, "POTLUCK_ENCRYPTION")
			r := e.potluck(t, "share", second, "--require-encryption", c.flag)
			if refused := r.code == 2 && strings.Contains(r.stderr, "with encryption = "+c.configured); refused != c.refused || !refused && r.code != 0 {
				t.Errorf("exited with %d: %s", r.code, r.stderr)
			}
			share.interrupt()
			share.end()
		})
	}
}
