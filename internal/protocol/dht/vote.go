package dht

import (
	"net/netip"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/dht/guard"
)

const (
	// voteShare of the votes decide, two thirds, of votesNeeded at least.
	votesNeeded          = 4
	voteShare, voteParts = 2, 3
	maxVotes             = 32
	voteAge              = time.Hour
)

// ballot finds our own address by the majority of those who told it in their answers (BEP 42): "Since a single node can not be
// trusted, there should be some mechanism". A network has one vote. The zero value is empty.
type ballot struct {
	votes   []vote // the latest last
	outcome netip.Addr
}

type vote struct {
	network netip.Prefix
	says    netip.Addr
	at      time.Time
}

// cast counts what the node at voter says, and reports whether the outcome is another one now.
func (b *ballot) cast(now time.Time, voter, says netip.Addr) (changed bool) {
	if !says.IsValid() || says.IsUnspecified() || says.IsMulticast() || says.Is4() != voter.Is4() || guard.IsLocal(says) || guard.IsLocal(voter) {
		return false
	}
	network := guard.NetworkOf(voter)
	b.votes = slices.DeleteFunc(b.votes, func(v vote) bool { return v.network == network || now.Sub(v.at) >= voteAge })
	if len(b.votes) == maxVotes {
		b.votes = slices.Delete(b.votes, 0, 1)
	}
	b.votes = append(b.votes, vote{network, says, now})
	if len(b.votes) < votesNeeded {
		return false
	}
	agree := 0
	for _, v := range b.votes {
		if v.says == says {
			agree++
		}
	}
	// Only what was just said can have become the outcome.
	if agree*voteParts < len(b.votes)*voteShare || says == b.outcome {
		return false
	}
	b.outcome = says
	return true
}
