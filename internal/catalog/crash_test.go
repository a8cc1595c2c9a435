package catalog

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/potluck-p2p/potluck/internal/content"
)

// childPath, in the environment, makes the test binary a program that writes to the catalog there until it is killed.
const childPath = "CATALOG_TEST_CHILD"

// runChild adds verified bytes to an object for ever, and says which are acknowledged.
func runChild() bool {
	path := os.Getenv(childPath)
	if path == "" {
		return false
	}
	ctx := context.Background()
	c, err := Open(ctx, path, seeded(2))
	if err != nil {
		panic(err)
	}
	id, err := c.AddWhole(ctx, least(), Contents{Files: []FileRow{{Path: "a", Size: 1 << 40}}})
	if err != nil {
		panic(err)
	}
	for i := int64(0); ; i++ {
		if err := c.AddVerified(ctx, id, map[int]content.Ranges{0: ranges(2*i, 2*i+1)}); err != nil {
			panic(err)
		}
		if err := c.SetSetting(ctx, "last", strconv.FormatInt(i, 10)); err != nil {
			panic(err)
		}
		fmt.Println(id, i)
	}
}

// What was acknowledged before kill -9 is there, in order, with at most the one transaction on its way behind it.
func TestKill(t *testing.T) {
	for _, lines := range []int{1, 20, 150, 400} {
		t.Run(strconv.Itoa(lines), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "c.db")
			child := exec.CommandContext(t.Context(), os.Args[0])
			child.Env = append(os.Environ(), childPath+"="+path)
			child.Stderr = os.Stderr
			out, err := child.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			var id string
			var last int64 = -1
			scanner := bufio.NewScanner(out)
			for range lines {
				if !scanner.Scan() {
					t.Fatal("the child ended by itself:", scanner.Err())
				}
				if _, err := fmt.Sscan(scanner.Text(), &id, &last); err != nil {
					t.Fatal(err)
				}
			}
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			for scanner.Scan() { // acknowledged before the signal arrived
				if strings.Count(scanner.Text(), " ") == 1 {
					_, _ = fmt.Sscan(scanner.Text(), &id, &last)
				}
			}
			_ = child.Wait() // it was killed
			c := mustOpen(t, path)
			text, _, err := c.Setting(t.Context(), "last")
			if err != nil {
				t.Fatal(err)
			}
			stored, err := strconv.ParseInt(text, 10, 64)
			if err != nil || stored < last || stored > last+1 {
				t.Errorf("acknowledged %d, stored %q", last, text)
			}
			got, err := c.Verified(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if n := got[0].Total(); n < stored+1 || n > stored+2 {
				t.Errorf("%d ranges are there, %d were stored", n, stored+1)
			}
		})
	}
}

// copyFiles copies the catalog and its log as a power loss would leave them.
func copyFiles(t *testing.T, from, to string) {
	t.Helper()
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(from + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to+suffix, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// In the middle of a transaction large enough to have spilled into the log, the disk holds those before it and nothing of it.
func TestCopyInTheMiddle(t *testing.T) {
	dir := t.TempDir()
	c := mustOpen(t, filepath.Join(dir, "c.db"))
	id := mustAdd(t, c, full())
	stop := errors.New("stop")
	err := c.write(t.Context(), "test", func(tx *sql.Tx) error {
		if _, err := tx.Exec("PRAGMA cache_size = 10"); err != nil {
			return err
		}
		n, _, err := lookup(t.Context(), tx, id)
		if err != nil {
			return err
		}
		if err := putFiles(t.Context(), tx, n, manyFiles(5000)); err != nil {
			return err
		}
		copyFiles(t, filepath.Join(dir, "c.db"), filepath.Join(dir, "copy.db"))
		return stop
	})
	if !errors.Is(err, stop) {
		t.Fatal(err)
	}
	whole, err := os.Stat(filepath.Join(dir, "copy.db-wal"))
	if err != nil || whole.Size() < 100_000 {
		t.Fatalf("the transaction has not spilled: %v, %v", whole, err)
	}
	copied := mustOpen(t, filepath.Join(dir, "copy.db"))
	rs, err := copied.List(t.Context())
	if err != nil || len(rs) != 1 || rs[0].ID != id {
		t.Errorf("listed %+v, %v", rs, err)
	}
	if files, err := copied.Files(t.Context(), id); err != nil || files != nil {
		t.Errorf("%d files, %v", len(files), err)
	}
}

// A log cut off anywhere gives a prefix of what was committed.
func TestTornLog(t *testing.T) {
	dir := t.TempDir()
	c := mustOpen(t, filepath.Join(dir, "c.db"))
	for i := range 20 {
		if err := c.SetSetting(t.Context(), "n", strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
	copyFiles(t, filepath.Join(dir, "c.db"), filepath.Join(dir, "copy.db"))
	wal, err := os.ReadFile(filepath.Join(dir, "copy.db-wal"))
	if err != nil {
		t.Fatal(err)
	}
	before := 20
	for cut := len(wal); cut > len(wal)-60_000; cut -= 9_999 {
		torn := filepath.Join(dir, "torn"+strconv.Itoa(cut)+".db")
		copyFiles(t, filepath.Join(dir, "copy.db"), torn)
		if err := os.Truncate(torn+"-wal", int64(cut)); err != nil {
			t.Fatal(err)
		}
		text, _, err := mustOpen(t, torn).Setting(t.Context(), "n")
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(text)
		if err != nil || n > before || cut == len(wal) && n != 19 {
			t.Errorf("cut at %d: %q after %d", cut, text, before)
		}
		before = n
	}
}
