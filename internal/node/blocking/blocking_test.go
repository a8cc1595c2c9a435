package blocking_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/node/blocking"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

func write(t *testing.T, name, text string) {
	t.Helper()
	// Another file under the name, as a program that fetches lists does it.
	if err := os.WriteFile(name+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		t.Fatal(err)
	}
}

func TestListsFollowTheirFiles(t *testing.T) {
	dir := t.TempDir()
	one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
	write(t, one, "192.0.2.0/24\nnonsense\n")
	write(t, two, "name:198.51.100.1-198.51.100.9\n")
	l, err := blocking.Open(vfs.OS(), []string{one, two})
	if err != nil {
		t.Fatal(err)
	}
	blocks := func(want string) {
		t.Helper()
		var got []string
		for _, a := range []string{"192.0.2.7", "198.51.100.7", "203.0.113.7"} {
			if l.Blocks(netip.MustParseAddr(a)) {
				got = append(got, a)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("blocks %v, want %s", got, want)
		}
	}
	look := func(wantChange bool, wantErr string) {
		t.Helper()
		changed, err := l.Look()
		if changed != wantChange || (err == nil) != (wantErr == "") || err != nil && !strings.Contains(err.Error(), wantErr) {
			t.Errorf("looking: %v, %v; want %v, %q", changed, err, wantChange, wantErr)
		}
	}
	blocks("192.0.2.7 198.51.100.7")
	if f := l.Files(); f[0].Ranges != 1 || f[0].Unreadable != 1 || f[1].Ranges != 1 || l.Len() != 2 {
		t.Errorf("%+v", f)
	}
	look(false, "")

	write(t, two, "203.0.113.0/24\n")
	look(true, "")
	blocks("192.0.2.7 203.0.113.7")
	look(false, "")

	if err := os.Remove(one); err != nil {
		t.Fatal(err)
	}
	look(false, one)
	look(false, "") // once is enough
	blocks("192.0.2.7 203.0.113.7")
	if f := l.Files(); f[0].Err == nil || f[1].Err != nil {
		t.Errorf("%+v", f)
	}
	write(t, one, "")
	look(true, "")
	blocks("203.0.113.7")
	if f := l.Files(); f[0].Err != nil || f[0].Ranges != 0 {
		t.Errorf("%+v", f)
	}
}

// TestNoListNoStart: who is to be kept out is not let in because a list is missing or broken.
func TestNoListNoStart(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.gz")
	write(t, broken, "\x1f\x8b\x00")
	for _, path := range []string{filepath.Join(dir, "missing"), broken, dir} {
		_, err := blocking.Open(vfs.OS(), []string{path})
		f := fault.Explain(err)
		if err == nil || f.Exit != fault.ExitDisk || f.Code != "block-list" || !strings.Contains(f.Message, path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
