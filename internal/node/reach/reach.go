// Package reach says whether others find a share in the DHT, and if not, why and what to do: from what our nodes there
// have seen to what the user is told. It says no more than was proven: that others find the address of a peer, not that they
// can connect to it.
package reach

import (
	"fmt"
	"time"

	discovery "github.com/potluck-p2p/potluck/internal/discovery/dht"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/node/news"
)

func why(code, message, hint string) *fault.Error {
	return fault.New(fault.ExitBlocked, code, message, hint, nil)
}

// Private is the reach of what may not be announced (BEP 27).
func Private() *news.Reach {
	return &news.Reach{Seeders: -1, Leechers: -1, Why: why("private", "it is private, and only its trackers tell of it", "")}
}

// Offline is the reach of a node that speaks only to whom the user names.
func Offline() *news.Reach {
	return &news.Reach{Seeders: -1, Leechers: -1, Why: why("offline", "this node is offline",
		"leave --offline out, or hand out your address: potluck get LINK --peer HOST:PORT")}
}

// Off is the reach of a node that takes no part in the DHT.
func Off() *news.Reach {
	return &news.Reach{Seeders: -1, Leechers: -1, Why: why("dht-off", "the DHT is switched off here",
		"switch it on with potluck config set dht true, or name a tracker with --tracker URL")}
}

// Unheard is the reach of what was announced and taken by nobody, as far as our nodes can tell why.
func Unheard(now time.Time, nodes []discovery.Stats) news.Reach {
	var sent int64
	good := 0
	for _, st := range nodes {
		sent += st.Sent
		for _, s := range st.Sides {
			good += s.Good
		}
	}
	r := news.Reach{Seeders: -1, Leechers: -1, Checked: now, Why: why("dht-not-taken", "no node of the DHT took the announce", "wait, it is tried again")}
	switch {
	case sent == 0:
		r.Why = why("dht-no-way-in", "no node of the DHT is known to begin with",
			"see whether the names in potluck config get dht_routers can be resolved; meanwhile name a tracker with --tracker URL")
	case good == 0:
		r.Why = unanswered()
	}
	return r
}

// Unreached says of a share that others find that strangers do not reach us, as far as our node in the DHT can tell.
func Unreached() *fault.Error {
	return why("dht-unreached", "strangers do not reach this node over UDP, and it serves nobody there (read-only)",
		"have the router forward the port that potluck status shows, TCP and UDP, to this computer, and its firewall let it in")
}

func unanswered() *fault.Error {
	return why("dht-silent", "no node of the DHT answers",
		"see whether a firewall blocks UDP; meanwhile name a tracker with --tracker URL, or hand out your address")
}

// Of is what a look-up from outside has shown.
func Of(now time.Time, seen discovery.Reach) news.Reach {
	r := news.Reach{Found: seen.Found, Took: seen.Took, As: seen.As, Nodes: seen.Nodes, Seeders: seen.Seeders, Leechers: seen.Leechers, Checked: now}
	switch {
	case seen.Found:
	case seen.Nodes == 0:
		r.Why = unanswered()
	case seen.Alike.IsValid():
		r.As = seen.Alike
		r.Why = why("dht-other-address", fmt.Sprintf("they find %v, which may be you behind a NAT, but is not known to be", seen.Alike),
			"wait until others have told us our address; potluck status shows it")
	default:
		r.Why = why("dht-not-found", fmt.Sprintf("%d nodes were asked, and none names you", seen.Nodes),
			"wait, it is announced and looked up again")
	}
	return r
}
