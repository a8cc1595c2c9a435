package store_test

import (
	"errors"
	"testing"

	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/vfs"
	"github.com/potluck-p2p/potluck/internal/vfs/vfstest"
)

// What lies under the names of a share's files is opened anew if it may be what was shared, and is held to what it is then.
func TestAnew(t *testing.T) {
	for name, c := range map[string]struct {
		change func(t *testing.T, d vfstest.Disk, r vfs.Root)
		read   string // of the first file
		err    error
	}{
		"as it was":  {func(*testing.T, vfstest.Disk, vfs.Root) {}, "hello", nil},
		"other data": {func(t *testing.T, d vfstest.Disk, _ vfs.Root) { overwrite(t, d, "album/a", "HELLO") }, "HELLO", nil},
		"moved over": {func(t *testing.T, d vfstest.Disk, r vfs.Root) {
			vfstest.Write(t, d, d.Path("album/c"), []byte("other"))
			must(t, errors.Join(r.Remove("a"), r.RenameNoReplace("c", "a")))
		}, "other", nil},
		"gone": {func(t *testing.T, _ vfstest.Disk, r vfs.Root) { must(t, r.Remove("a")) }, "", store.ErrMissing},
		"another size": {func(t *testing.T, d vfstest.Disk, _ vfs.Root) {
			vfstest.Write(t, d, d.Path("album/a"), []byte("more of it"))
		}, "", store.ErrChanged},
		"a link": {func(t *testing.T, d vfstest.Disk, r vfs.Root) {
			must(t, r.Remove("a"))
			must(t, d.Symlink("b", d.Path("album/a")))
		}, "", store.ErrChanged},
	} {
		t.Run(name, func(t *testing.T) {
			onEachDisk(t, func(t *testing.T, d vfstest.Disk) {
				vfstest.Write(t, d, d.Path("album/a"), []byte("hello"))
				vfstest.Write(t, d, d.Path("album/b"), []byte("world"))
				s := newStore(d)
				o, ids, err := s.Adopt(d.Path("album"), store.AdoptOptions{})
				must(t, err)
				shared := s.OpenShared(d.Path("album"), o, ids)
				r, err := d.OpenRoot(d.Path("album"))
				must(t, err)
				defer r.Close()
				c.change(t, d, r)
				now, err := shared.Anew()
				if c.err != nil {
					want(t, err, c.err)
					return
				}
				must(t, err)
				p := make([]byte, 5)
				for range 2 {
					must(t, now.ReadAt(p, 0, 0))
					if string(p) != c.read {
						t.Errorf("read %q", p)
					}
					now.Rest()
				}
				overwrite(t, d, "album/a", "again")
				want(t, now.ReadAt(p, 0, 0), store.ErrChanged)
				must(t, now.Close())
			})
		})
	}
}
