package bench

import (
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/peers"
)

const (
	swarmSize    = 256 << 20
	swarmLeeches = 8
	// swarmCap is what the seed sends at most, in bytes per second.
	swarmCap = 20_000_000
)

// Swarm is one seed whose line is slow, and many who fetch from it and from each other.
func Swarm(p Programs) Scenario {
	return Scenario{
		Name: "swarm", Title: "1 -> 8, 256 MiB, v1, the seed sends 20 MB/s", Rounds: 3,
		About: "Everybody announces to one tracker (opentracker) and is told of nobody else; peers may be exchanged (PEX). The seed is capped by " +
			"its own option. All who fetch begin at once, and the time is that of the last one. CPU and MB/s are of all eight together, memory of " +
			"the one that has most. The floor is size / cap.",
		Prepare: func(t *testing.T) []Contender {
			w := NewFile(t, peers.V1, swarmSize)
			all := race(p, w, only(everyone(p), peers.V1, "transmission"), Route{Leeches: swarmLeeches, Up: swarmCap},
				AtMost(1.1, Wall, OfFloor), AtMost(1, Wall, OfOthers))
			all[0] = Contender{"size / cap", Floor, nil, func(*testing.T) (Run, error) {
				return Run{Wall: time.Duration(float64(swarmSize) / swarmCap * float64(time.Second)), Bytes: swarmLeeches * swarmSize}, nil
			}}
			return all
		},
	}
}

// Seeds is one who fetches from several that have everything.
func Seeds(p Programs) Scenario {
	return Scenario{
		Name: "seeds", Title: "4 -> 1, 1 GiB, v1, TCP",
		About: "Who fetches is told of all four at the beginning; aria2 and rtorrent by a tracker. CPU is of all five. The floor has one sender.",
		Prepare: func(t *testing.T) []Contender {
			w := NewFile(t, peers.V1, 1<<30)
			return race(p, w, only(everyone(p), peers.V1, "transmission"), Route{Seeds: 4}, AtMost(1, Wall, OfOthers))
		},
	}
}
