package content

import (
	"encoding/binary"
	"errors"
	"maps"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxDuplicates is how many names of one object may have to be numbered.
	MaxDuplicates = 500
	// maxTries bounds the search for free numbers over the whole object, whatever names were laid in its way.
	maxTries = MaxDuplicates * (MaxDuplicates + 1) / 2
)

// ErrDuplicates is returned for an object in which more names clash than any honest one has.
var ErrDuplicates = errors.New("content: too many names that are the same")

// Names gives the files of one object paths that can lie side by side on any file system. A name that is taken, be it
// in other case, by a folder, or by the unfinished form of another file (NAME.part), gets a number: "name (1).ext".
// The same names in the same order always get the same paths.
type Names struct {
	set        map[pathKey]struct{}
	duplicates int
	tries      int

	parts []string        // scratch for the components of the path at hand
	text  strings.Builder // where the strings of the paths lie, one after the other
	chunk int
}

// Grow makes room for so many files more.
func (n *Names) Grow(files int) {
	set := make(map[pathKey]struct{}, len(n.set)+files)
	maps.Copy(set, n.set)
	n.set = set
}

// Add makes the path of the next file from its raw components.
func (n *Names) Add(components ...string) (Path, error) {
	if n.set == nil {
		n.set = make(map[pathKey]struct{})
	}
	n.parts = safeComponents(n.parts[:0], components)
	last := len(n.parts) - 1

	// Folders: one of the same name is the same folder, but a file there forces another name.
	h := hashStart
	for i, c := range n.parts[:last] {
		for try := 0; ; try++ {
			name, err := n.numbered(c, try)
			if err != nil {
				return Path{}, err
			}
			next := hashFold(h, name)
			if n.has(next.file()) || n.hasWhole(h, name) {
				continue
			}
			if try > 0 && !n.has(next.folder()) {
				n.duplicates++
			}
			n.add(next.folder())
			n.parts[i], h = name, hashFold(next, "/")
			break
		}
	}

	base := n.parts[last]
	for try := 0; ; try++ {
		name, err := n.numbered(base, try)
		if err != nil {
			return Path{}, err
		}
		at := hashFold(h, name)
		if n.taken(h, name, at) {
			continue
		}
		if try > 0 {
			n.duplicates++
		}
		n.add(at.file())
		if len(name)+len(PartSuffix) > MaxComponent {
			// The unfinished name is not the name and a suffix, so it cannot be told from the name later.
			n.add(partHash(h, name, at).file())
		}
		n.parts[last] = name
		break
	}
	return Path{n.join()}, nil
}

func (n *Names) add(k pathKey) { n.set[k] = struct{}{} }

func (n *Names) has(k pathKey) bool {
	_, ok := n.set[k]
	return ok
}

// taken reports whether a file of that name, or its unfinished form, would meet anything in the folder of hash h.
func (n *Names) taken(h pathHash, name string, at pathHash) bool {
	if n.has(at.file()) || n.has(at.folder()) {
		return true
	}
	part := partHash(h, name, at)
	if n.has(part.file()) || n.has(part.folder()) {
		return true
	}
	return n.hasWhole(h, name)
}

// partHash is the hash of the unfinished name of a file, given those of its folder and of its name.
func partHash(h pathHash, name string, at pathHash) pathHash {
	if len(name)+len(PartSuffix) > MaxComponent {
		return hashFold(h, Path{name}.Part().s)
	}
	return hashFold(at, PartSuffix)
}

// hasWhole reports whether name is the unfinished name of a file that is there.
func (n *Names) hasWhole(h pathHash, name string) bool {
	i := len(name) - len(PartSuffix)
	return i > 0 && strings.EqualFold(name[i:], PartSuffix) && n.has(hashFold(h, name[:i]).file())
}

// numbered is the name to try after so many that were taken.
func (n *Names) numbered(name string, try int) (string, error) {
	if try == 0 {
		return name, nil
	}
	if n.tries++; n.tries > maxTries || n.duplicates >= MaxDuplicates {
		return "", ErrDuplicates
	}
	return Numbered(name, try), nil
}

// Numbered puts a number into the last component of a name, before its ending: "name (1).ext". The name must be a
// safe component; so is the result, and it leaves room for ".part".
func Numbered(name string, number int) string {
	stem, ext := splitExtension(name)
	mark := " (" + strconv.Itoa(number) + ")"
	return safeComponent(cut(stem, MaxComponent-len(PartSuffix)-len(mark)-len(ext)) + mark + ext)
}

// join writes the path at hand behind the others. A million names cost a few allocations so, and no rounding up.
func (n *Names) join() string {
	size := len(n.parts) - 1
	for _, p := range n.parts {
		size += len(p)
	}
	if n.text.Cap()-n.text.Len() < size {
		// What was handed out keeps the old text alive.
		n.chunk = min(max(2*n.chunk, 64), 64<<10)
		n.text = strings.Builder{}
		n.text.Grow(max(n.chunk, size))
	}
	from := n.text.Len()
	for i, p := range n.parts {
		if i > 0 {
			n.text.WriteByte('/')
		}
		n.text.WriteString(p)
	}
	return n.text.String()[from:]
}

// pathHash is the FNV-1a hash of a path whose letters are brought to one case. The set keeps only hashes, since paths
// can be many and long. Two paths that share one, by chance or by intent, cost no more than a number nobody needed; a
// true clash is never missed.
type pathHash uint64

const (
	hashStart pathHash = 14695981039346656037
	hashPrime pathHash = 1099511628211
)

// pathKey is a hash with one bit for what lies there. As bytes it takes half the room in a map that a number would.
type pathKey [8]byte

func (h pathHash) file() pathKey   { return h.key(0) }
func (h pathHash) folder() pathKey { return h.key(1) }

func (h pathHash) key(bit pathHash) (k pathKey) {
	binary.LittleEndian.PutUint64(k[:], uint64(h&^1|bit))
	return k
}

func hashFold(h pathHash, s string) pathHash {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			h = (h ^ pathHash(c)) * hashPrime
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		h = (h ^ pathHash(fold(r))) * hashPrime
	}
	return h
}

// fold is the one rune that stands for all that differ from r in case only.
func fold(r rune) rune {
	least := r
	for x := unicode.SimpleFold(r); x != r; x = unicode.SimpleFold(x) {
		least = min(least, x)
	}
	if 'A' <= least && least <= 'Z' {
		least += 'a' - 'A'
	}
	return least
}
