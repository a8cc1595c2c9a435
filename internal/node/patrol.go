package node

import (
	"time"

	"github.com/potluck-p2p/potluck/internal/node/patrol"
)

// patrol notices when files of objects vanish or change while nobody asks for them, and when they are back.
func (n *Node) patrol() {
	var p patrol.Patrol
	for {
		var posts []patrol.Post
		for _, o := range n.books.All() {
			posts = append(posts, o.Post())
		}
		portions := p.Round(posts)
		if len(portions) == 0 {
			portions = [][]patrol.Look{nil}
		}
		for _, looks := range portions {
			if !n.rest(patrol.Every / time.Duration(len(portions))) {
				return
			}
			for _, l := range looks {
				if o := n.books.ByID(l.ID); o != nil {
					o.Guarded(func() { o.LookAt(l.From, l.To) })
				}
			}
		}
	}
}

// rest waits; false if the node ends.
func (n *Node) rest(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-n.life.Done():
		return false
	}
}
