package store_test

import (
	"bytes"
	"errors"
	"path"
	"testing"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/vfs/vfstest"
)

// Promise 4.1: "The rename to NAME is the sign that every wanted byte is verified."
func TestPromise4_1NameMeansDone(t *testing.T) {
	onEachDisk(t, func(t *testing.T, d vfstest.Disk) {
		obj := lone(t, "a", 1000)
		o := openFetched(t, d, d.Dir, obj, store.FetchOptions{})
		want(t, o.Finish(0), store.ErrMissing)
		must(t, o.WriteAt(pattern(0, 0, 1000), 0, 0))
		want(t, o.Finish(0), store.ErrNotDurable) // written
		o.Verified(content.Extent{File: 0, Offset: 0, Length: 1000})
		want(t, o.Finish(0), store.ErrNotDurable) // and verified
		mustSync(t, o)
		must(t, o.WriteAt(pattern(0, 0, 10), 0, 0))
		want(t, o.Finish(0), store.ErrNotDurable) // written to again
		if vfstest.Exists(t, d, d.Path("a")) {
			t.Fatal("the name is there too early")
		}
		mustSync(t, o)
		must(t, o.Finish(0))
		if !bytes.Equal(vfstest.Read(t, d, d.Path("a")), pattern(0, 0, 1000)) {
			t.Error("wrong bytes")
		}
	})
}

func TestPromise4_1AnotherPartIsNotPublished(t *testing.T) {
	onEachDisk(t, func(t *testing.T, d vfstest.Disk) {
		o := openFetched(t, d, d.Dir, lone(t, "a", 1000), store.FetchOptions{})
		put(t, o, 0, 0, 1000)
		mustSync(t, o)
		vfstest.Write(t, d, d.Path("evil"), make([]byte, 1000))
		must(t, d.Rename(d.Path("evil"), d.Path("a.part")))
		want(t, o.Finish(0), store.ErrChanged)
		if vfstest.Exists(t, d, d.Path("a")) {
			t.Error("bytes that nobody verified got the name")
		}
		must(t, d.Remove(d.Path("a.part")))
		want(t, o.Finish(0), store.ErrMissing)
		want(t, o.Check(), store.ErrMissing)
		must(t, o.Reset(0))
		want(t, o.ReadAt(make([]byte, 1), 0, 0), store.ErrMissing)
		put(t, o, 0, 0, 1000)
		mustSync(t, o)
		must(t, o.Finish(0))
	})
}

// A .part that was cut while nobody looked reads as zeros where verified bytes were. It must not pass for resumed.
func TestPromise4_1CutPartIsDoubtful(t *testing.T) {
	onEachDisk(t, func(t *testing.T, d vfstest.Disk) {
		obj := lone(t, "a", 1000)
		o := openFetched(t, d, d.Dir, obj, store.FetchOptions{})
		put(t, o, 0, 0, 1000)
		mustSync(t, o)
		must(t, o.Close())
		vfstest.Write(t, d, d.Path("a.part"), []byte("cut"))
		o = openFetched(t, d, d.Dir, obj, store.FetchOptions{Resume: true})
		if o.State(0) != store.Doubtful {
			t.Error(o.State(0))
		}
		want(t, o.Finish(0), store.ErrNotDurable)
		put(t, o, 0, 0, 1000)
		mustSync(t, o)
		must(t, o.Finish(0))
		if !bytes.Equal(vfstest.Read(t, d, d.Path("a")), pattern(0, 0, 1000)) {
			t.Error("wrong bytes")
		}
	})
}

// Promise 4.3: "No symlink is ever created or followed on the network's word."
func TestPromise4_3PlantedLinksAreNotFollowed(t *testing.T) {
	tests := []struct{ name, target, link string }{
		{"folder leads out", "../outside", "downloads/album/sub"},
		{"folder leads elsewhere inside", "../mine", "downloads/album/sub"},
		{"object's folder", "mine", "downloads/album"},
		{"unfinished name", "../../mine/x", "downloads/album/sub/x.part"},
		{"dangling unfinished name", "../../mine/y", "downloads/album/sub/x.part"},
		{"final name", "../../mine/x", "downloads/album/sub/x"},
	}
	obj := func(t *testing.T) content.Object {
		var names content.Names
		p, err := names.Add("sub", "x")
		must(t, err)
		o, err := content.NewObject(content.MakePath("album"), true, []content.File{{Path: p, Size: 1000}})
		must(t, err)
		return o
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			onEachDisk(t, func(t *testing.T, d vfstest.Disk) {
				vfstest.Write(t, d, d.Path("outside/x"), []byte("mine"))
				vfstest.Write(t, d, d.Path("downloads/mine/x"), []byte("mine"))
				fetch := func(o *store.Object) error {
					if err := o.WriteAt(pattern(0, 0, 1000), 0, 0); err != nil {
						return err
					}
					if _, err := o.Sync(); err != nil {
						return err
					}
					return o.Finish(0)
				}
				early := openFetched(t, d, d.Path("downloads"), obj(t), store.FetchOptions{})
				must(t, d.MkdirAll(d.Path(path.Dir(test.link))))
				must(t, d.Symlink(test.target, d.Path(test.link)))
				if err := fetch(early); err == nil {
					t.Error("a link planted after the opening was followed")
				}
				must(t, early.Close())
				for _, resume := range []bool{false, true} {
					o, err := newStore(d).OpenFetched(d.Path("downloads"), obj(t), store.FetchOptions{Resume: resume})
					if err == nil {
						err = errors.Join(fetch(o), o.Close())
					}
					if err == nil {
						t.Error("a planted link was followed")
					}
				}
				for _, name := range []string{"outside/x", "downloads/mine/x"} {
					if got := string(vfstest.Read(t, d, d.Path(name))); got != "mine" {
						t.Errorf("%s now holds %q", name, got)
					}
				}
				for _, name := range []string{"outside/x.part", "downloads/mine/x.part", "downloads/mine/y"} {
					if vfstest.Exists(t, d, d.Path(name)) {
						t.Errorf("%s was made", name)
					}
				}
			})
		})
	}
}
