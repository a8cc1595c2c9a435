package bench

import (
	"slices"
	"testing"

	"github.com/potluck-p2p/potluck/test/peers"
)

// plainRequests keeps potluck from asking other potlucks for more than 16 KiB at once, as it asks everybody else.
const plainRequests = "POTLUCK_LARGE_REQUESTS=false"

// everyone are those who take part in a transfer between two of a kind, the fast first.
func everyone(p Programs) []Client {
	return []Client{
		Potluck{p.Potluck, []string{plainRequests}},
		Others{peers.Libtorrent}, Others{peers.Anacrolix(p.Anacrolix)}, Others{peers.Aria2}, Others{peers.Rtorrent}, Others{peers.Transmission},
	}
}

// only are the clients that speak a format, without those that are left out by name.
func only(all []Client, f peers.Format, without ...string) []Client {
	var some []Client
	for _, c := range all {
		if o, ok := c.(Others); ok && !o.Speaks(f) {
			continue
		}
		if !slices.Contains(without, c.Name()) {
			some = append(some, c)
		}
	}
	return some
}

// race are the contenders of a transfer in which both sides are the same client: the floor, potluck with its goals, potluck
// as it is between two of its kind, and the others.
func race(p Programs, w Work, clients []Client, r Route, goals ...Goal) []Contender {
	all := []Contender{w.floor(p)}
	for _, c := range clients {
		contender := Contender{Name: c.Name(), Kind: Other, Run: w.between(c, c, r)}
		if ours, ok := c.(Potluck); ok {
			contender.Kind, contender.Goals = Ours, goals
			all = append(all, contender)
			ours.env = nil
			contender.Name, contender.Run = "potluck, large requests", w.between(ours, ours, r)
		}
		all = append(all, contender)
	}
	return all
}

const transferSize = 2 << 30

// tcpGoals are those of a transfer from one to one over TCP.
var tcpGoals = []Goal{AtMost(0.7, Wall, OfOthers), AtMost(1.2, Wall, OfFloor), AtMost(0.75, CPU, OfOthers), AtMost(1.35, CPU, OfFloor)}

// TCP is a transfer from one to one over plain TCP.
func TCP(p Programs, f peers.Format) Scenario {
	return Scenario{
		Name: "tcp-" + string(f), Title: "1 -> 1, 2 GiB, " + string(f) + ", TCP",
		About: "One file in pieces of 1 MiB goes from one to another of the same kind. The line *large requests* is potluck with its own " +
			"extension, by which two potlucks ask for up to 256 KiB at once; everybody else asks for 16 KiB.",
		Prepare: func(t *testing.T) []Contender {
			return race(p, NewFile(t, f, transferSize), only(everyone(p), f, "transmission"), Route{}, tcpGoals...)
		},
	}
}

// MSE is the same with every connection enciphered to its end.
func MSE(p Programs, f peers.Format) Scenario {
	// Two potlucks that know each other's keys speak TLS, whatever they began with; who is anonymous shows no key.
	const noKey = "POTLUCK_NET_ANONYMOUS=true"
	return Scenario{
		Name: "mse-" + string(f), Title: "1 -> 1, 2 GiB, " + string(f) + ", RC4", Rounds: 3,
		About: "As over plain TCP, but both sides insist on RC4 (MSE), for potluck `POTLUCK_ENCRYPTION=require`. Two potlucks would then go " +
			"on by TLS, which is a line of its own; the line potluck has them anonymous, so that they do not. The floor is not enciphered.",
		Prepare: func(t *testing.T) []Contender {
			w, r := NewFile(t, f, transferSize), Route{Way: Way{RC4: true}}
			all := race(p, w, only(everyone(p), f, "transmission"), r)
			rc4, tls := Potluck{p.Potluck, []string{plainRequests, noKey}}, Potluck{p.Potluck, []string{plainRequests}}
			ours := []Contender{
				{"potluck", Ours, []Goal{AtMost(1, Wall, OfOthers)}, w.between(rc4, rc4, r)},
				{"potluck, TLS", Ours, nil, w.between(tls, tls, r)},
			}
			return append(ours, slices.DeleteFunc(all, func(c Contender) bool { return c.Kind == Ours })...)
		},
	}
}

// Cross is a transfer between potluck and libtorrent, beside one of libtorrent alone.
func Cross(p Programs, f peers.Format) Scenario {
	return Scenario{
		Name: "cross-" + string(f), Title: "potluck with libtorrent, 2 GiB, " + string(f) + ", TCP",
		About: "One file in pieces of 1 MiB over plain TCP. The best other is libtorrent to libtorrent.",
		Prepare: func(t *testing.T) []Contender {
			w := NewFile(t, f, transferSize)
			lt, we := Others{peers.Libtorrent}, Potluck{path: p.Potluck}
			goals := []Goal{AtMost(1, Wall, OfOthers)}
			return []Contender{
				w.floor(p),
				{"libtorrent -> libtorrent", Other, nil, w.between(lt, lt, Route{})},
				{"potluck -> libtorrent", Ours, goals, w.between(we, lt, Route{})},
				{"libtorrent -> potluck", Ours, goals, w.between(lt, we, Route{})},
			}
		},
	}
}

// Files is a folder of many small files.
func Files(p Programs) Scenario {
	return Scenario{
		Name: "files", Title: "1 -> 1, 10,000 files of 8 to 64 KiB, v1, TCP",
		About: "A hundred folders of a hundred files, in pieces of 1 MiB.",
		Prepare: func(t *testing.T) []Contender {
			w := NewFolder(t, peers.V1, 10_000, 8<<10, 64<<10)
			return race(p, w, only(everyone(p), peers.V1), Route{}, AtMost(0.7, Wall, OfOthers))
		},
	}
}
