// Package sources keeps the sources of an object to whom nobody talks, as web servers are: who is there, who gave wrong bytes and
// is kept away, and who left and may still be found out. What a source has, and is asked for, is the scheduler's to know.
package sources

import (
	"errors"
	"slices"

	"github.com/potluck-p2p/potluck/internal/protocol/bittorrent"
	"github.com/potluck-p2p/potluck/internal/scheduler"
)

// ErrBanned says that a source gave wrong bytes of this object before.
var ErrBanned = errors.New("swarm: it sent bad data")

// maxGone bounds the sources remembered after they left.
const maxGone = 256

// Joining is a source that is ready to be asked.
type Joining struct {
	// Name is what users see and what is banned. Network is how it is reached.
	Name, Network string
	// Wake tells the source's shell that there may be work, or an error. It must not block and may be called with the swarm's
	// lock held.
	Wake func()
}

// Source is one that is there, or was.
type Source struct {
	Joining
	ID     scheduler.SourceID
	Kicked error            // why its shell must let it go
	Down   bittorrent.Meter // what it gave
}

// List are the sources of one object. The zero List is empty; it is not safe for concurrent use.
type List struct {
	here  []*Source
	gone  []*Source
	liars map[string]bool // by name
}

// All are those that are there, in the order in which they came.
func (l *List) All() []*Source { return l.here }

// Find is the one with this id that is there, or nil; there are few.
func (l *List) Find(id scheduler.SourceID) *Source {
	if i := find(l.here, id); i >= 0 {
		return l.here[i]
	}
	return nil
}

func find(list []*Source, id scheduler.SourceID) int {
	return slices.IndexFunc(list, func(x *Source) bool { return x.ID == id })
}

// IsBanned reports whether a source of this name is kept away.
func (l *List) IsBanned(name string) bool { return l.liars[name] }

// Enter takes a source in.
func (l *List) Enter(id scheduler.SourceID, j Joining) {
	l.here = append(l.here, &Source{ID: id, Joining: j})
}

// Leave takes a source out, if it is there. It is remembered if it gave anything.
func (l *List) Leave(id scheduler.SourceID) (left bool) {
	i := find(l.here, id)
	if i < 0 {
		return false
	}
	src := l.here[i]
	l.here = slices.Delete(l.here, i, i+1)
	if src.Down.Total() > 0 && src.Kicked == nil {
		if len(l.gone) >= maxGone {
			l.gone = slices.Delete(l.gone, 0, 1)
		}
		l.gone = append(l.gone, src)
	}
	return true
}

// Wake lets all look for work, or for the end of it.
func (l *List) Wake() {
	for _, src := range l.here {
		src.Wake()
	}
}

// Punish drops a source that sent bad data, also one that has left since, and keeps its name away. It is nil if id is no
// source's that is known; first says that nothing of that name was punished before.
func (l *List) Punish(id scheduler.SourceID) (src *Source, first bool) {
	if src = l.Find(id); src == nil {
		i := find(l.gone, id)
		if i < 0 {
			return nil, false
		}
		src = l.gone[i]
		l.gone = slices.Delete(l.gone, i, i+1)
	}
	src.Kicked = ErrBanned
	src.Wake()
	if l.liars[src.Name] {
		return src, false
	}
	if l.liars == nil {
		l.liars = make(map[string]bool)
	}
	l.liars[src.Name] = true
	return src, true
}
