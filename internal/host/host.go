// Package host tells what the machine we run on has to give: memory, within the control group that we are confined to, and
// open files. What cannot be told is zero.
package host

import (
	"io"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/potluck-p2p/potluck/internal/ceiling"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

// Room is what the machine has room for.
func Room(fs vfs.FS) ceiling.Ceilings {
	return ceiling.Of(Look(func(name string) ([]byte, error) {
		f, err := fs.OpenFile(name, os.O_RDONLY, 0)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return io.ReadAll(io.NewSectionReader(f, 0, maxFile))
	}))
}

// maxFile bounds what is read of a file of the system.
const maxFile = 64 << 10

// Look asks the system. Read reads one of its small files by name.
//
// The soft limit of open files is the hard one already: Go's os package raises it at the start of every program.
func Look(read func(name string) ([]byte, error)) ceiling.Machine {
	m := ceiling.Machine{Memory: memory(), OpenFiles: openFiles()}
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		m.GoLimit = limit
	}
	if limit := confinement(read); limit > 0 && (m.Memory == 0 || limit < m.Memory) {
		m.Memory, m.Confined = limit, true
	}
	return m
}

// Where control groups are, as cgroups(7) has them: version 2 in one hierarchy, version 1 with one for each controller.
const (
	membership = "/proc/self/cgroup"
	groups     = "/sys/fs/cgroup"
)

// confinement is the least memory that our control group, and those it is in, allow; 0 if there is no limit.
func confinement(read func(string) ([]byte, error)) (least int64) {
	b, err := read(membership)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		// "hierarchy-ID:controller-list:cgroup-path"; version 2 has an ID of 0 and no controllers.
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		dir, file := groups, "memory.max"
		switch {
		case strings.Contains(","+parts[1]+",", ",memory,"):
			dir, file = groups+"/memory", "memory.limit_in_bytes"
		case parts[0] != "0" || parts[1] != "":
			continue
		}
		// In a container the path may be that of another view; the group at the top is then our own.
		for p := path.Clean("/" + parts[2]); ; p = path.Dir(p) {
			if limit := limitIn(read, path.Join(dir, p, file)); limit > 0 && (least == 0 || limit < least) {
				least = limit
			}
			if p == "/" {
				break
			}
		}
	}
	return least
}

// unlimited is from where on version 1, which has no word for it, means no limit.
const unlimited = math.MaxInt64 / 2

func limitIn(read func(string) ([]byte, error), name string) int64 {
	b, err := read(name)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil || n <= 0 || n >= unlimited {
		return 0
	}
	return n
}
