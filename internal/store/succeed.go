package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

// Succession says that an object is a new version, which takes the place of another one in the same folder; see package former.
type Succession struct {
	// Former are the files of the other version.
	Former []Identity
	// Displaced is told, by full paths, what was moved aside. It may be nil.
	Displaced func(from, to string)
}

// succession is a Succession as an Object uses it. A nil one is none.
type succession struct {
	former    map[Identity]bool // without names and devices
	displaced func(from, to string)
}

func newSuccession(s *Succession) *succession {
	if s == nil {
		return nil
	}
	own := &succession{former: make(map[Identity]bool, len(s.Former)), displaced: s.Displaced}
	for _, id := range s.Former {
		own.former[anonymous(id)] = true
	}
	return own
}

// anonymous is an identity as Matches compares it.
func anonymous(id Identity) Identity {
	id.Name, id.Device = "", 0
	return id
}

// gives reports whether what lies under a final name is to give way to a file of the object, once that is whole: it is
// neither the file itself, renamed before a crash, nor can it be taken for it.
func (s *succession) gives(there vfs.Info, begun bool, size int64) bool {
	if s == nil {
		return false
	}
	return begun || !there.Mode.IsRegular() || there.Size != size || s.former[anonymous(IdentityOf("", there))]
}

// vacate makes way for a file under its final name. Over says that a former file is there, for a rename to replace.
func (o *Object) vacate(r vfs.Root, final string) (over bool, err error) {
	s := o.fetch.succeeds
	if s == nil {
		return false, nil
	}
	info, err := r.Lstat(final)
	switch {
	case errors.Is(ErrorOf("", "", err), ErrMissing):
		return false, nil
	case err != nil:
		return false, err
	case info.Mode.IsRegular() && s.former[anonymous(IdentityOf("", info))]:
		return true, nil
	}
	return false, MoveAside(r, o.dir, final, s.displaced)
}

// maxAside bounds the names that are tried for what is moved aside.
const maxAside = 1000

// MoveAside gives something of the user's, below the folder dir, which is open as r, the first numbered name that is free.
// Displaced, which may be nil, is told of it.
func MoveAside(r vfs.Root, dir, name string, displaced func(from, to string)) error {
	for k := 1; k <= maxAside; k++ {
		aside := path.Join(path.Dir(name), content.Numbered(path.Base(name), k))
		err := r.RenameNoReplace(name, aside)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err == nil && displaced != nil {
			displaced(filepath.Join(dir, name), filepath.Join(dir, aside))
		}
		return ErrorOf("rename", filepath.Join(dir, name), err)
	}
	return fmt.Errorf("%s: %w", filepath.Join(dir, name), ErrExists)
}

// makeEmptyOver replaces a former file by one of no bytes.
func makeEmptyOver(r vfs.Root, part, final string) error {
	f, err := r.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return r.RenameOver(part, final)
}

// Displace moves a Found file aside that turned out to be another than the object's. It is Absent then.
func (o *Object) Displace(file int) error {
	if o.fetch == nil || o.fetch.succeeds == nil {
		return ErrShared
	}
	o.rename.Lock()
	defer o.rename.Unlock()
	if o.State(file) != Found {
		return nil
	}
	o.store.cache.drop(&o.slots[file])
	err := o.fetch.main.with(func(r vfs.Root) error {
		return MoveAside(r, o.dir, o.fetch.final(o, file), o.fetch.succeeds.displaced)
	})
	if err != nil {
		return err
	}
	o.slots[file].identity.Store(nil)
	o.slots[file].state.Store(uint32(Absent))
	return nil
}

// Resize gives a Doubtful file its size: what is in it may be right, and is for the caller to hash.
func (o *Object) Resize(file int) error {
	if o.State(file) != Doubtful {
		return nil
	}
	h, err := o.openToWrite(file)
	if err != nil {
		return err
	}
	h.release()
	return nil
}
