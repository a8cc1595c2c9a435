// Package patrol decides which files of which objects are looked at next, so that one which vanished or changed is noticed while
// nobody asks for it. It looks at nothing itself.
//
// Each round looks at the first file of every object, which tells of a folder that is gone, and at a bounded number of others: all of
// them in most homes, the next ones in each round in a home of very many files. What a patrol costs does not grow with the home.
package patrol

import "time"

const (
	// Every is the time from one round to the next.
	Every = time.Minute
	// most is how many files are looked at in a round, beside the first of each object.
	most = 4096
	// portion is how many are looked at in one go.
	portion = 64
)

// Post is an object that is looked at, and how many files it has.
type Post struct {
	ID    string
	Files int
}

// Look is a look at files [From, To) of an object.
type Look struct {
	ID       string
	From, To int
}

// Patrol goes its rounds. The zero Patrol is at the beginning. It is not safe for concurrent use.
type Patrol struct {
	next int // of all files that are not the first of their object, in the order of the posts
}

// Round is what is looked at in the next round, in portions, which are to be spread over its time. No file is in a round twice.
func (p *Patrol) Round(posts []Post) (portions [][]Look) {
	var r round
	others := 0
	for _, post := range posts {
		r.add(Look{post.ID, 0, min(1, post.Files)})
		others += post.others()
	}
	if p.next >= others {
		p.next = 0 // objects have gone since
	}
	end := p.next + min(others, most)
	r.addOthers(posts, p.next, min(end, others))
	r.addOthers(posts, 0, end-others)
	if p.next = end; end >= others {
		p.next -= others
	}
	return r.portions
}

func (p Post) others() int { return max(0, p.Files-1) }

// round is a round that is being planned.
type round struct {
	portions [][]Look
	room     int // in the last one
}

// addOthers adds a range of all files that are not the first of their object.
func (r *round) addOthers(posts []Post, from, to int) {
	for _, post := range posts {
		n := post.others()
		r.add(Look{post.ID, 1 + max(0, from), 1 + min(n, to)})
		from, to = from-n, to-n
	}
}

func (r *round) add(l Look) {
	for l.From < l.To {
		if r.room == 0 {
			r.portions, r.room = append(r.portions, nil), portion
		}
		part := l
		part.To = min(l.To, l.From+r.room)
		last := &r.portions[len(r.portions)-1]
		*last = append(*last, part)
		r.room -= part.To - part.From
		l.From = part.To
	}
}
