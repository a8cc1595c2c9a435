package choker

import (
	"cmp"
	"slices"
	"time"
)

// hand is one object's peers that want a slot, the most deserving first.
type hand struct {
	object  uint64
	seeding bool
	peers   []*Peer
}

// rank sorts those peers that want a slot by object, in rising order of its number, and by merit.
func (c *Choker) rank(now time.Time, peers []Peer, l load, wants func(*Peer) bool) []hand {
	byObject := make(map[uint64]int)
	var hands []hand
	for i := range peers {
		p := &peers[i]
		if !wants(p) {
			continue
		}
		at, ok := byObject[p.Object]
		if !ok {
			at = len(hands)
			byObject[p.Object] = at
			hands = append(hands, hand{object: p.Object, seeding: p.Seeding})
		}
		hands[at].peers = append(hands[at].peers, p)
	}
	slices.SortFunc(hands, func(a, b hand) int { return cmp.Compare(a.object, b.object) })
	for _, h := range hands {
		better := byGift
		if h.seeding {
			better = l.byWait
		}
		slices.SortFunc(h.peers, func(a, b *Peer) int {
			return cmp.Or(better(now, a, b), cmp.Compare(a.ID, b.ID))
		})
	}
	return hands
}

// loyalty is how much better another must give to take the place of one that is served already.
const loyalty = 1.1

// byGift puts those first who give us most. Who gives nothing worth speaking of comes last, whoever it is; among those,
// who needs most comes first, for it will have the least to give back and the most to pass on.
//
// BEP 3: "It should reciprocate to peers who let it download."
func byGift(_ time.Time, a, b *Peer) int {
	return cmp.Or(cmp.Compare(gift(b), gift(a)), cmp.Compare(b.Need, a.Need))
}

func gift(p *Peer) float64 {
	const pittance = 1 << 10 // bytes per second
	if p.DownRate < pittance {
		return 0
	}
	if p.Unchoked {
		return p.DownRate * loyalty
	}
	return p.DownRate
}

// A served peer of an object we seed keeps its slot until it had this much of it, in time and in bytes.
const (
	quotaTime  = 30 * time.Second
	quotaBytes = 16 << 20
)

// byWait puts first those who have a slot and are within their quota, then those who wait, then those who have used
// their quota up, or take next to nothing while others take much.
func (l load) byWait(now time.Time, a, b *Peer) int {
	return cmp.Or(
		cmp.Compare(l.turn(now, a), l.turn(now, b)),
		cmp.Compare(claim(now, b), claim(now, a)),
		cmp.Compare(b.Need, a.Need),
	)
}

func (l load) turn(now time.Time, p *Peer) int {
	switch {
	case !p.Unchoked:
		return 1
	case l.sips(now, p):
		return 2
	case now.Sub(p.LastUnchoke) < quotaTime || p.UploadedSinceUnchoke < quotaBytes && now.Sub(p.LastUnchoke) < 2*quotaTime:
		return 0
	default:
		return 2
	}
}

// claim grows with the time since the peer was last unchoked or came, so that coming anew earns nothing, and faster for
// those who lack more.
func claim(now time.Time, p *Peer) float64 {
	since := p.Connected
	if p.LastUnchoke.After(since) {
		since = p.LastUnchoke
	}
	return now.Sub(since).Seconds() * (0.5 + p.Need)
}
