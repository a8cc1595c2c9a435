package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

// Killed at any step while a new version takes its place, the next start goes on; under each name are the bytes of one version or of
// the other, at any time.
func TestKilledWhileUpdating(t *testing.T) {
	inChannel(t, "hybrid", map[string]int{"same": 90_000, "edited": 90_000, "grown": 70_000, "gone": 40_000}, func(t *testing.T, c *channel) {
		old := filepath.Join(c.dir, "old")
		if err := os.CopyFS(old, os.DirFS(c.src)); err != nil {
			t.Fatal(err)
		}
		faults := vfs.NewFaults(vfs.OS())
		base := filepath.Join(c.dir, "live")
		at := func(n *Config) { n.FS, n.DownloadDir = faults, filepath.Join(base, "downloads") }
		n := start(t, c.world.Host("22.1.0.1"), filepath.Join(base, "home"), often, at)
		first := c.follow(n)

		var mu sync.Mutex
		deaths, ops := 0, 0
		faults.On(func(f vfs.Call) error {
			mu.Lock()
			defer mu.Unlock()
			switch f.Op {
			case vfs.OpRename, vfs.OpRemove, vfs.OpSyncDir, vfs.OpMkdir, vfs.OpWrite, vfs.OpTruncate:
				if !within(base, f.Name) || within(filepath.Join(base, "home"), f.Name) {
					return nil
				}
				if ops++; f.Op == vfs.OpWrite && ops%3 != 0 {
					return nil // writes are many, and alike
				}
				deaths++
				snapshot(t, base, filepath.Join(c.dir, fmt.Sprint("death ", deaths)))
			}
			return nil
		})
		scribble(t, filepath.Join(c.src, "edited"), 40_000, 10)
		writeTree(t, c.src, map[string]int{"grown": 120_000, "new": 50_000, "sub/empty": 0})
		if err := os.Remove(filepath.Join(c.src, "gone")); err != nil {
			t.Fatal(err)
		}
		untilVersion(t, n, first)
		faults.On(nil)
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		if deaths < 10 {
			t.Errorf("only %d deaths", deaths)
		}
		for death := range deaths {
			copied := filepath.Join(c.dir, fmt.Sprint("death ", death+1))
			oneOrTheOther(t, old, c.src, filepath.Join(copied, "downloads", "photos"))
			c.goOn(copied, fmt.Sprintf("22.1.%d.1", death+1), first)
		}
	})
}

// oneOrTheOther checks that each file is the one of a version.
func oneOrTheOther(t *testing.T, old, fresh, dir string) {
	t.Helper()
	for name := range list(t, dir) {
		if filepath.Ext(name) == ".part" {
			continue
		}
		got, err := os.ReadFile(filepath.Join(dir, name))
		was, _ := os.ReadFile(filepath.Join(old, name))
		is, _ := os.ReadFile(filepath.Join(fresh, name))
		if err != nil || !bytes.Equal(got, was) && !bytes.Equal(got, is) {
			t.Errorf("%s: %s is neither the one version nor the other, %v", filepath.Base(filepath.Dir(filepath.Dir(dir))), name, err)
		}
	}
}

// goOn starts a node on what a kill left. The paths and inodes in its catalog are those of the copy.
func (c *channel) goOn(copied, ip string, was Object) {
	c.t.Helper()
	ctx := context.Background()
	root := filepath.Join(copied, "downloads")
	db, err := catalog.Open(ctx, filepath.Join(copied, "home", "catalog.db"), nil)
	if err != nil {
		c.t.Fatal(err)
	}
	// Copies are told from what they are copies of by their sizes and times.
	here := func(id catalog.Identity, names ...string) catalog.Identity {
		for _, name := range names {
			info, err := vfs.OS().Stat(filepath.Join(root, name))
			if err == nil && info.Size == id.Size && info.ModTime.UnixNano() == id.ModTime {
				return catalog.Identity{
					Name: id.Name, Size: info.Size, ModTime: id.ModTime, Changed: info.Changed.UnixNano(), Inode: info.Inode, Device: info.Device,
				}
			}
		}
		return id
	}
	rows, err := db.Files(ctx, was.ID)
	if err != nil {
		c.t.Fatal(err)
	}
	for i := range rows {
		rows[i].Identity = here(rows[i].Identity, "photos/"+rows[i].Path, "photos/"+rows[i].Path+".part")
	}
	old, err := db.FormerFiles(ctx, was.ID)
	if err != nil {
		c.t.Fatal(err)
	}
	for i := range old {
		old[i].Identity = here(old[i].Identity, old[i].Identity.Name)
	}
	verified, err1 := db.Verified(ctx, was.ID)
	layers, err2 := db.PieceLayers(ctx, was.ID)
	err3 := db.Reissue(ctx, was.ID, func(r *catalog.Record) { r.Root = root },
		catalog.Contents{Files: rows, Verified: verified, PieceLayers: layers, Former: old})
	if err := errors.Join(err1, err2, err3, db.Close()); err != nil {
		c.t.Fatal(err)
	}
	n := start(c.t, c.world.Host(ip), filepath.Join(copied, "home"), often, func(n *Config) { n.DownloadDir = root })
	time.Sleep(time.Second) // virtual
	o := untilVersion(c.t, n, was)
	compareTrees(c.t, c.src, o.Path)
	if o.Downloaded > was.Downloaded+3*(50_000+4*32<<10) {
		c.t.Errorf("%s: %d bytes were fetched in all", filepath.Base(copied), o.Downloaded)
	}
	if err := n.Close(); err != nil {
		c.t.Error(err)
	}
}
