package vfs

import "strings"

// staysInside reports whether a name, by its spelling alone, is that of a [Root] or of something below it. It may be any
// bytes, unlike one that [io/fs.ValidPath] takes: on most disks of Linux a name need not be UTF-8.
func staysInside(name string) bool {
	if name == "." {
		return true
	}
	for component := range strings.SplitSeq(name, "/") {
		switch component {
		case "", ".", "..":
			return false
		}
	}
	return !strings.Contains(name, "\x00")
}
