package content

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxComponent is how many bytes one component of a path may have: what the file systems in use allow.
	MaxComponent = 255
	// MaxDepth bounds how many components a path may have.
	MaxDepth = 100
	// MaxPath bounds the bytes of a whole path.
	MaxPath = 4096
	// PartSuffix ends the name of a file that is not whole yet.
	PartSuffix = ".part"
	// maxExtension is how long an ending may be to be kept when a name is shortened.
	maxExtension = 32
)

// Path is a relative path that is safe to create below a folder of ours on any system: every component is valid UTF-8
// without control, separator or direction characters, is neither "." nor "..", names no device and is at most 255
// bytes. It can only be made by the guard, so a Path in hand needs no further check. Paths compare with ==; the zero
// value is no path.
type Path struct{ s string }

// MakePath makes a safe path of the raw components that came from a peer, a link or a file. What is unsafe is changed
// and what is safe comes through as it is; if nothing is left the path is "_".
func MakePath(components ...string) Path {
	if len(components) == 1 && componentSafe(components[0]) {
		return Path{components[0]}
	}
	return Path{strings.Join(safeComponents(nil, components), "/")}
}

// safeComponents appends the safe form of the components to dst.
func safeComponents(dst, components []string) []string {
	first, total := len(dst), 0
	for _, c := range components {
		if c == "" || c == "." || c == ".." {
			continue
		}
		c = safeComponent(c)
		dst = append(dst, c)
		total += len(c) + 1
	}
	if len(dst) == first {
		return append(dst, "_")
	}
	// Too deep or too long: the innermost folders go, the name itself stays.
	for len(dst)-first > MaxDepth || total-1 > MaxPath {
		i := len(dst) - 2
		total -= len(dst[i]) + 1
		dst = slices.Delete(dst, i, i+1)
	}
	return dst
}

// String is the path with slashes between components.
func (p Path) String() string { return p.s }

// IsZero reports whether p is no path.
func (p Path) IsZero() bool { return p.s == "" }

// Depth is the number of components.
func (p Path) Depth() int {
	if p.s == "" {
		return 0
	}
	return strings.Count(p.s, "/") + 1
}

// Components are the parts between the slashes.
func (p Path) Components() []string {
	if p.s == "" {
		return nil
	}
	return strings.Split(p.s, "/")
}

// Base is the last component.
func (p Path) Base() string { return p.s[strings.LastIndexByte(p.s, '/')+1:] }

// Dir is the path without its last component; the zero Path if there was only one.
func (p Path) Dir() Path { return Path{p.s[:max(0, strings.LastIndexByte(p.s, '/'))]} }

// Join is child below p. Either may be the zero Path.
func (p Path) Join(child Path) Path {
	switch {
	case p.IsZero():
		return child
	case child.IsZero():
		return p
	}
	if len(p.s)+1+len(child.s) > MaxPath || p.Depth()+child.Depth() > MaxDepth {
		return MakePath(append(p.Components(), child.Components()...)...)
	}
	return Path{p.s + "/" + child.s}
}

// Part is the path a file has until it is whole: its name with ".part" behind it. A name too long for that is shortened,
// so the way back is not by cutting the suffix off.
func (p Path) Part() Path {
	dir, base := p.s[:len(p.s)-len(p.Base())], p.Base()
	if len(base) > MaxComponent-len(PartSuffix) {
		base = cut(base, MaxComponent-len(PartSuffix))
	}
	return Path{dir + base + PartSuffix}
}

// componentSafe reports whether a component needs no change. It is quick for the plain names that nearly all are.
func componentSafe(s string) bool {
	if s == "" || len(s) > MaxComponent {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c >= 0x7f || strings.IndexByte(`<>:"|?*/\`, c) >= 0 {
			return c >= utf8.RuneSelf && safeComponent(s) == s
		}
	}
	last := s[len(s)-1]
	return last != '.' && last != ' ' && deviceStem(s) < 0
}

// safeComponent changes a component until nothing in it is unsafe. It must not be empty, "." or "..".
func safeComponent(s string) string {
	s = safeRunes(s)
	for {
		was := s
		if i := deviceStem(s); i >= 0 {
			s = s[:i] + "_" + s[i:]
		}
		if len(s) > MaxComponent {
			s = shorten(s)
		}
		// Windows drops dots and spaces at the end, so two names would become one.
		if last := s[len(s)-1]; last == '.' || last == ' ' {
			s = s[:len(s)-1] + "_"
		}
		if s == was {
			return s
		}
	}
}

// safeRunes puts "_" in the place of every character that no file name should have.
func safeRunes(s string) string {
	ok := func(r rune, size int) bool { return !(r == utf8.RuneError && size == 1) && !unsafeRune(r) }
	i := 0
	for i < len(s) {
		r, size := utf8.DecodeRuneInString(s[i:])
		if !ok(r, size) {
			break
		}
		i += size
	}
	if i == len(s) {
		return s
	}
	b := append(make([]byte, 0, len(s)), s[:i]...)
	for i < len(s) {
		r, size := utf8.DecodeRuneInString(s[i:])
		if ok(r, size) {
			b = append(b, s[i:i+size]...)
		} else {
			b = append(b, '_')
		}
		i += size
	}
	return string(b)
}

func unsafeRune(r rune) bool {
	switch r {
	case '<', '>', ':', '"', '|', '?', '*', '/', '\\':
		return true
	case '\u061c', '\u200e', '\u200f', '\u2028', '\u2029', '\ufeff':
		// Marks of direction, separators of lines and the byte order mark: not to be seen, and misleading.
		return true
	}
	// Overrides, embeddings and isolates make a name read backwards: "gpj.exe" for "exe.jpg".
	return unicode.IsControl(r) || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}

// deviceStem returns how long the part of a name is that Windows takes for a device, -1 if it takes none. The ending,
// and spaces before it, make no difference: "nul .txt" is the null device too.
func deviceStem(s string) int {
	stem, _, _ := strings.Cut(s, ".")
	stem = strings.TrimRight(stem, " ")
	switch n := len(stem); {
	case n == 3 && isAnyFold(stem, "CON", "PRN", "AUX", "NUL"),
		n == 6 && strings.EqualFold(stem, "CONIN$"),
		n == 7 && strings.EqualFold(stem, "CONOUT$"):
		return n
	case n == 4 && isAnyFold(stem[:3], "COM", "LPT") && stem[3] >= '0' && stem[3] <= '9',
		n == 5 && isAnyFold(stem[:3], "COM", "LPT") && (stem[3:] == "\u00b9" || stem[3:] == "\u00b2" || stem[3:] == "\u00b3"):
		return n
	}
	return -1
}

func isAnyFold(s string, names ...string) bool {
	for _, n := range names {
		if strings.EqualFold(s, n) {
			return true
		}
	}
	return false
}

// shorten cuts a name to MaxComponent bytes out of its middle, so that it keeps its ending.
func shorten(s string) string {
	stem, ext := splitExtension(s)
	return cut(stem, MaxComponent-len(ext)) + ext
}

// splitExtension divides a name before its ending. A dot at the front begins no ending, nor does one too far from the
// end for anybody to read it as such.
func splitExtension(s string) (stem, ext string) {
	i := strings.LastIndexByte(s, '.')
	if i <= 0 || len(s)-i > maxExtension {
		return s, ""
	}
	return s[:i], s[i:]
}

// cut is the longest beginning of s that has at most n bytes and breaks no character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
