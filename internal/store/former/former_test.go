package former_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/store/former"
	"github.com/potluck-p2p/potluck/internal/vfs"
	"github.com/potluck-p2p/potluck/internal/vfs/vfstest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// album is one version of an object: what is in its files.
type album map[string]string

func (a album) object(t testing.TB, names ...string) content.Object {
	t.Helper()
	var guard content.Names
	var files []content.File
	for _, name := range names {
		p, err := guard.Add(strings.Split(name, "/")...)
		must(t, err)
		files = append(files, content.File{Path: p, Size: int64(len(a[name]))})
	}
	o, err := content.NewObject(content.MakePath("album"), true, files)
	must(t, err)
	return o
}

func newStore(disk vfs.FS) *store.Store {
	return store.New(disk, store.Options{Now: func() time.Time { return time.Unix(1, 0) }})
}

func at(name string) string { return "/dl/album/" + name }

// fetch fetches what is missing, and gives all files their names.
func fetch(t testing.TB, o *store.Object, obj content.Object, a album) error {
	t.Helper()
	for i, f := range obj.Files() {
		right := []byte(a[f.Path.String()])
		switch o.State(i) {
		case store.Whole:
			continue
		case store.Found:
			got := make([]byte, len(right))
			if err := o.ReadAt(got, i, 0); err != nil {
				return err
			}
			if bytes.Equal(got, right) {
				break
			}
			if err := o.Displace(i); err != nil {
				return err
			}
			fallthrough
		default:
			if err := o.Resize(i); err != nil {
				return err
			}
			if err := o.WriteAt(right, i, 0); err != nil {
				return err
			}
			o.Verified(content.Extent{File: i, Length: f.Size})
		}
	}
	if _, err := o.Sync(); err != nil {
		return err
	}
	all := make([]int, len(obj.Files()))
	for i := range all {
		all[i] = i
	}
	return o.Finish(all...)
}

// succession is the second version of an album, about to take the place of the first.
type succession struct {
	testing.TB
	first, second album
	next          content.Object
	kept          []store.Identity // by file of the second version
	former        []store.Identity
	aside         []string
}

var (
	kept   = []string{"kept", "deep/kept"}
	before = []string{"kept", "deep/kept", "changed", "emptied", "filled", "gone", "old/er/gone", "file", "folder/file"}
	after  = []string{"kept", "deep/kept", "changed", "emptied", "filled", "new", "new folder/x", "file/below", "folder"}
)

// begin puts the first version on a disk.
func begin(t testing.TB, disk vfs.FS) *succession {
	t.Helper()
	s := &succession{TB: t, first: album{}, second: album{}}
	for i, name := range before {
		s.first[name] = strings.Repeat(fmt.Sprint("one ", i), 1000+i)
	}
	for i, name := range after {
		s.second[name] = strings.Repeat(fmt.Sprint("two ", i), 1500+i)
	}
	for _, name := range kept {
		s.second[name] = s.first[name]
	}
	s.first["filled"], s.second["emptied"] = "", ""
	old := s.first.object(t, before...)
	o, err := newStore(disk).OpenFetched("/dl", old, store.FetchOptions{})
	must(t, err)
	must(t, fetch(t, o, old, s.first))
	must(t, o.Close())
	s.next = s.second.object(t, after...)
	s.kept = make([]store.Identity, len(after))
	for i, name := range before {
		id := o.Identity(i)
		if i < len(kept) {
			s.kept[i] = id
			continue
		}
		id.Name = "album/" + name
		s.former = append(s.former, id)
	}
	return s
}

// carryOn is what follows when the new version is written down, also after a crash.
func (s *succession) carryOn(disk vfs.FS) error {
	displaced := func(_, to string) { s.aside = append(s.aside, to) }
	old := former.New(disk, "/dl", s.former)
	if err := old.Clear(s.next, s.next.Name(), displaced); err != nil {
		return err
	}
	o, err := newStore(disk).OpenFetched("/dl", s.next, store.FetchOptions{
		Resume: true, Identities: s.kept, Succeeds: &store.Succession{Former: s.former, Displaced: displaced},
	})
	if err != nil {
		return err
	}
	defer o.Close()
	if err := o.Check(); err != nil {
		return err
	}
	if err := fetch(s, o, s.next, s.second); err != nil {
		return err
	}
	return old.Sweep()
}

// eitherOr checks that under each name lie the bytes of one version or the other.
func (s *succession) eitherOr(disk vfs.FS) {
	s.Helper()
	for name := range s.second {
		if info, err := disk.Stat(at(name)); err != nil || !info.Mode.IsRegular() {
			continue
		}
		got := string(vfstest.Read(s, disk, at(name)))
		if was, ok := s.first[name]; got != s.second[name] && (!ok || got != was) {
			s.Errorf("%s is neither the one nor the other, but %.20q", name, got)
		}
	}
}

// done checks that the second version is there, and nothing else.
func (s *succession) done(disk vfs.FS, besides ...string) {
	s.Helper()
	for name, right := range s.second {
		if got := string(vfstest.Read(s, disk, at(name))); got != right {
			s.Errorf("%s is %.20q", name, got)
		}
	}
	want := len(s.second) + len(besides)
	if got := count(s, disk, "album"); got != want {
		s.Errorf("there are %d files, want %d", got, want)
	}
	for _, name := range []string{"old", "old/er"} {
		if vfstest.Exists(s, disk, at(name)) {
			s.Errorf("the folder %s is left", name)
		}
	}
}

func count(t testing.TB, disk vfs.FS, dir string) (n int) {
	t.Helper()
	r, err := disk.OpenRoot("/dl/" + dir)
	must(t, err)
	defer r.Close()
	entries, err := r.ReadDir(".")
	must(t, err)
	for _, e := range entries {
		if e.Mode.IsDir() {
			n += count(t, disk, dir+"/"+e.Name)
		} else {
			n++
		}
	}
	return n
}

func TestSuccession(t *testing.T) {
	disk := vfs.NewMem()
	s := begin(t, disk)
	inode := func() uint64 {
		info, err := disk.Stat(at("deep/kept"))
		must(t, err)
		return info.Inode
	}
	was := inode()
	must(t, s.carryOn(disk))
	s.done(disk)
	if inode() != was {
		t.Error("a file that both versions have did not stay where it was")
	}
	must(t, s.carryOn(disk)) // again, it changes nothing
	s.done(disk)
	if s.aside != nil {
		t.Error("moved aside:", s.aside)
	}
}

// A power loss at any operation leaves one version or the other under each name, and the next start carries on.
func TestSuccessionSurvivesEveryCrash(t *testing.T) {
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 3))
		m := vfs.NewMem()
		faults := vfs.NewFaults(m)
		s := begin(t, faults)
		crash := func() {
			disk := m.CrashClone(rng)
			s.eitherOr(disk)
			must(t, s.carryOn(disk))
			s.done(disk)
		}
		faults.On(func(c vfs.Call) error {
			if c.Op != vfs.OpRead && c.Op != vfs.OpStat {
				crash()
			}
			return nil
		})
		must(t, s.carryOn(faults))
		crash()
		if t.Failed() {
			t.Fatal("seed", seed)
		}
	}
}

// Every operation fails once, and the next try carries on.
func TestSuccessionSurvivesEveryFailure(t *testing.T) {
	for op := vfs.OpOpen; op <= vfs.OpClose; op++ {
		for n, hit := 1, true; hit; n++ {
			m := vfs.NewMem()
			faults := vfs.NewFaults(m)
			s := begin(t, faults)
			hit = false
			left := n
			faults.On(func(c vfs.Call) error {
				if c.Op != op {
					return nil
				}
				if left--; left != 0 {
					return nil
				}
				hit = true
				return errors.New("broken")
			})
			first := s.carryOn(faults)
			faults.On(nil)
			s.eitherOr(m)
			must(t, s.carryOn(m))
			s.done(m)
			if t.Failed() {
				t.Fatalf("operation %d, the %d. time: %v", op, n, first)
			}
		}
	}
}

// What the user has changed or made is never overwritten: it is moved aside, or stays.
func TestUsersFilesAreKept(t *testing.T) {
	disk := vfs.NewMem()
	s := begin(t, disk)
	mine := map[string]string{
		"changed": "mine", "gone": "mine too", "new": "in the way", "emptied": "not empty",
		"filled": strings.Repeat("x", len(s.second["filled"])), // the size that the new version has
		"file":   "where a folder is to be", "folder/extra": "where a file is to be", "old/extra": "elsewhere",
	}
	for name, text := range mine {
		vfstest.Write(t, disk, at(name), []byte(text))
	}
	must(t, s.carryOn(disk))
	for name, there := range map[string]string{
		"changed": "changed (1)", "gone": "gone", "new": "new (1)", "emptied": "emptied (1)", "filled": "filled (1)",
		"file": "file (1)", "folder/extra": "folder (1)/extra", "old/extra": "old/extra",
	} {
		if got := string(vfstest.Read(t, disk, at(there))); got != mine[name] {
			t.Errorf("%s is %.20q", there, got)
		}
	}
	for name, right := range s.second {
		if got := string(vfstest.Read(t, disk, at(name))); got != right {
			t.Errorf("%s is %.20q", name, got)
		}
	}
	if len(s.aside) != 6 {
		t.Errorf("told of %q", s.aside)
	}
}

func TestReadFormer(t *testing.T) {
	disk := vfs.NewMem()
	s := begin(t, disk)
	f := former.New(disk, "/dl", s.former)
	defer f.Close()
	p := make([]byte, 8)
	for i, id := range s.former {
		if id.Size == 0 {
			continue
		}
		must(t, f.ReadAt(p, i, 4))
		name := strings.TrimPrefix(id.Name, "album/")
		if string(p) != s.first[name][4:12] {
			t.Errorf("%s reads %q", name, p)
		}
	}
	vfstest.Write(t, disk, at("changed"), bytes.Repeat([]byte("z"), int(s.former[0].Size)))
	if err := f.ReadAt(p, 0, 0); !errors.Is(err, store.ErrChanged) {
		t.Error(err)
	}
	vfstest.Write(t, disk, at("changed"), []byte("z"))
	if err := f.ReadAt(p, 0, 0); !errors.Is(err, store.ErrChanged) {
		t.Error(err)
	}
	must(t, f.Sweep())
	if err := f.ReadAt(p, 3, 0); !errors.Is(err, store.ErrMissing) {
		t.Error(err)
	}
	if !vfstest.Exists(t, disk, at("changed")) || vfstest.Exists(t, disk, at("gone")) {
		t.Error("swept the wrong files")
	}
}
