package object

import (
	"time"

	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// Standing is what those need to know of an object who find peers without a tracker.
type Standing struct {
	State  swarm.State
	Hash   metainfo.InfoHash
	Whole  bool // it lacks nothing, wanted or not
	Hungry bool // nobody is known who has anything of it
	// Private ones are nobody's business, Hidden ones may turn out to be private.
	Private, Hidden bool
}

// Moving reports whether the object has to do with peers.
func (s *Standing) Moving() bool { return Moving(s.State) }

// Standing is how an object stands now.
func (o *Object) Standing(now time.Time) Standing {
	s := o.Swarm.Snapshot(now)
	return Standing{
		State: s.State, Hash: o.InfoHash(), Whole: s.State == swarm.Seeding && s.LeftBytes == 0,
		Hungry: s.State != swarm.Seeding && s.Sources == 0, Private: o.Record().Private, Hidden: o.IsHidden(),
	}
}

// IsNewlyStanding reports whether an object stands otherwise than when this was asked last. It is the loop's alone.
func (o *Object) IsNewlyStanding(now time.Time) bool {
	was := o.stands
	o.stands = o.Standing(now)
	return o.stands != was
}
