package metainfo

import (
	"bytes"
	"fmt"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/wire/bencode"
)

// entry is one entry of a list of files, as a walk shows it. The path is only good until the walk goes on; its
// components are views, because most walks need none of them.
type entry struct {
	index int // among all entries, for messages
	list  string
	path  [][]byte
	size  int64
	root  HashV2
	pad   bool
	link  bool
}

// isFile reports whether the entry is a file of its own, neither padding nor a symlink. BEP 47 has more attributes; we
// heed no others, and a symlink is never made on the network's word.
func (e *entry) isFile() bool { return !e.pad && !e.link }

// field is the name of one of the entry's keys for messages.
func (e *entry) field(key string) string {
	if e.list == "" {
		return key
	}
	return fmt.Sprintf("%s[%d].%s", e.list, e.index, key)
}

// attributes reads the flags of BEP 47: "Characters appear in no particular order and unknown characters should be
// ignored."
func (e *entry) attributes(v bencode.Value) {
	a, _ := v.Bytes()
	e.pad = bytes.IndexByte(a, 'p') >= 0
	e.link = bytes.IndexByte(a, 'l') >= 0
}

// sizeFrom reads the length of an entry.
func (e *entry) sizeFrom(v bencode.Value) error {
	// BEP 47: "The length of a symlink is always zero", and the key may be left out.
	if e.link {
		e.size = 0
		return nil
	}
	n, ok := v.Int()
	if !ok {
		return fault(e.field("length"), "is missing or no integer of 64 bits")
	}
	if n < 0 {
		return fault(e.field("length"), "is negative")
	}
	e.size = n
	return nil
}

// walk shows every entry in order: of the v1 list if there is one, because it also has the padding, else of the tree.
func (k *infoKeys) walk(visit func(*entry) error) error {
	switch {
	case k.multi():
		return k.walkList(visit)
	case k.hasV1():
		e := entry{path: [][]byte{k.rawName()}}
		if err := e.sizeFrom(k.length); err != nil {
			return err
		}
		return visit(&e)
	}
	return k.walkTree(visit)
}

// walkList walks the v1 list of files.
func (k *infoKeys) walkList(visit func(*entry) error) error {
	e := entry{list: "files"}
	for v := range k.files.Items() {
		if v.Kind() != bencode.Dict {
			return fault(fmt.Sprintf("files[%d]", e.index), "is a %s, not a dictionary", v.Kind())
		}
		var length, path, pathUTF8, attr bencode.Value
		for key, x := range v.Entries() {
			switch string(key) {
			case "length":
				length = x
			case "path":
				path = x
			case "path.utf-8":
				pathUTF8 = x
			case "attr":
				attr = x
			}
		}
		e.attributes(attr)
		if err := e.sizeFrom(length); err != nil {
			return err
		}
		if pathUTF8.Kind() == bencode.List {
			path = pathUTF8
		}
		if err := e.readPath(path); err != nil {
			return err
		}
		if err := visit(&e); err != nil {
			return err
		}
		e.index++
	}
	return nil
}

// bitCometPad begins the names of the padding that BitComet writes without an attribute.
const bitCometPad = "_____padding_file_"

// readPath reads a list of components.
func (e *entry) readPath(v bencode.Value) error {
	if v.Kind() != bencode.List && e.isFile() {
		return fault(e.field("path"), "is missing or no list")
	}
	e.path = e.path[:0]
	for x := range v.Items() {
		c, ok := x.Bytes()
		if !ok {
			return fault(e.field("path"), "holds a %s", x.Kind())
		}
		if len(e.path) == content.MaxDepth {
			return fault(e.field("path"), "is deeper than %d", content.MaxDepth)
		}
		e.path = append(e.path, c)
	}
	if n := len(e.path); n > 0 && bytes.HasPrefix(e.path[n-1], []byte(bitCometPad)) {
		e.pad = true
	}
	return nil
}

// components are the strings of the entry's path, in the place of last: those of the entry before. A component that
// both share is not made again, so a folder costs its name once.
func (e *entry) components(last []string) []string {
	for i, c := range e.path {
		switch {
		case i == len(last):
			last = append(last, string(c))
		case last[i] != string(c):
			last[i] = string(c)
		}
	}
	return last[:len(e.path)]
}

// walkTree walks the v2 file tree. BEP 52: files occur "in the same order as in the file tree".
func (k *infoKeys) walkTree(visit func(*entry) error) error {
	w := treeWalk{cursor: k.fileTree.Cursor(), visit: visit, entry: entry{list: "file tree"}}
	return w.folder()
}

type treeWalk struct {
	cursor bencode.Cursor
	entry  entry
	visit  func(*entry) error
}

// folder walks the folder the cursor stands before. Bencoding bounds how deep it calls itself.
func (w *treeWalk) folder() error {
	c, e := &w.cursor, &w.entry
	for c.Enter(); c.More(); {
		key := c.Key()
		if len(key) == 0 {
			// BEP 52: "The file tree root dictionary itself must not be a file", and a file "must not have any
			// sibling entries". A file alone in its dictionary does not come this way.
			return fault("file tree", "a folder is also a file")
		}
		if c.Kind() != bencode.Dict {
			return fault("file tree", "holds a %s", c.Kind())
		}
		e.path = append(e.path, key)
		inside := *c
		inside.Enter()
		if inside.Kind() == bencode.String && len(inside.Key()) == 0 {
			c.Enter()
			c.Key()
			if err := w.file(c.Next()); err != nil {
				return err
			}
			if c.More() {
				return fault("file tree", "a file is also a folder")
			}
		} else if err := w.folder(); err != nil {
			return err
		}
		e.path = e.path[:len(e.path)-1]
	}
	return nil
}

// file reads the properties of one file.
func (w *treeWalk) file(v bencode.Value) error {
	e := &w.entry
	if v.Kind() != bencode.Dict {
		return fault(fmt.Sprintf("file tree[%d]", e.index), "is a %s, not a dictionary", v.Kind())
	}
	e.attributes(v.Get("attr"))
	if e.pad {
		return fault(e.field("attr"), "v2 has no padding")
	}
	if err := e.sizeFrom(v.Get("length")); err != nil {
		return err
	}
	e.root = HashV2{}
	// BEP 52: the root is there "for non-empty files"
	if e.size > 0 {
		root, _ := v.Get("pieces root").Bytes()
		if len(root) != len(e.root) {
			return fault(e.field("pieces root"), "is not %d bytes", len(e.root))
		}
		if e.root = HashV2(root); e.root == (HashV2{}) {
			return fault(e.field("pieces root"), "is zero")
		}
	}
	if err := w.visit(e); err != nil {
		return err
	}
	e.index++
	return nil
}
