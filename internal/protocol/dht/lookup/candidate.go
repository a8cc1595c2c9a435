package lookup

import (
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// state is how far a look-up has got with a node.
type state uint8

const (
	unasked state = iota
	waiting       // asked, and neither has answered nor failed
	heard         // has answered
	lost          // will not answer
)

// A candidate is a node that a look-up knows of, and what speaks for it. It is shared by all paths on which it was named, but
// asked by one.
type candidate struct {
	node   krpc.Node
	state  state
	valid  bool      // its ID is one that BEP 42 allows its address
	far    uint64    // see farness
	shares []share   // the networks it is in
	path   int       // which path has asked it
	since  time.Time // and when

	informants []*candidate // who named it, mostInformants of them at most; none for a seed
	// Of the nodes it named itself, how many answered and how many did not.
	kept, broken int
}

// mostInformants is how many of those who name a node are remembered.
const mostInformants = 4

// leniency is how many nodes that do not answer anybody may name: tables age, and packets are lost.
const leniency = 4

// namedBy remembers who vouches for a node. Those who are not believed any more make room: liars who name an honest node first
// shall not speak for it alone.
func (c *candidate) namedBy(informant *candidate) {
	switch i := slices.IndexFunc(c.informants, (*candidate).discredited); {
	case slices.Contains(c.informants, informant):
	case len(c.informants) < mostInformants:
		c.informants = append(c.informants, informant)
	case i >= 0:
		c.informants[i] = informant
	}
}

// discredited reports whether a node has named too many that do not answer.
func (c *candidate) discredited() bool { return c.broken > leniency+2*c.kept }

// settle tells those who named a node what came of it.
func (c *candidate) settle(s state) {
	c.state = s
	for _, i := range c.informants {
		if s == heard {
			i.kept++
		} else {
			i.broken++
		}
	}
}

// dubious reports whether a node was named only by those who have named too many that do not exist: anybody can invent
// nodes, with valid IDs and as near to the target as they please.
func (c *candidate) dubious() bool {
	return len(c.informants) > 0 && !slices.ContainsFunc(c.informants, func(i *candidate) bool { return !i.discredited() })
}

// sound reports whether a candidate is asked among the first, and counts when it has answered.
func (c *candidate) sound() bool { return c.valid && (c.state == heard || !c.dubious()) }
