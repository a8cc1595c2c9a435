package store_test

import (
	"cmp"
	"slices"
	"testing"

	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/vfs/vfstest"
)

// A survey finds what adopting finds, of a folder and of a file.
func TestSurvey(t *testing.T) {
	onEachDisk(t, func(t *testing.T, d vfstest.Disk) {
		for _, name := range []string{"a/z", "a.b", "B", ".hidden", "c"} {
			vfstest.Write(t, d, d.Path("album/"+name), []byte(name))
		}
		must(t, d.Symlink("c", d.Path("album/link")))
		must(t, d.Mkfifo(d.Path("album/pipe")))
		s := newStore(d)
		for _, name := range []string{"album", "album/c", "album/link"} {
			_, adopted, err := s.Adopt(d.Path(name), store.AdoptOptions{})
			must(t, err)
			seen, err := s.Survey(d.Path(name))
			must(t, err)
			byName := func(a, b store.Identity) int { return cmp.Compare(a.Name, b.Name) }
			slices.SortFunc(adopted, byName)
			slices.SortFunc(seen, byName)
			if !slices.Equal(seen, adopted) {
				t.Errorf("%s: surveyed %+v, adopted %+v", name, seen, adopted)
			}
		}
		_, err := s.Survey(d.Path("none"))
		want(t, err, store.ErrMissing)
	})
}
