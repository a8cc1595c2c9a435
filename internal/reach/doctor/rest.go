package doctor

import (
	"fmt"
	"time"
)

// dht looks at our nodes in the DHT.
func (f *Facts) dht() (list []Finding) {
	if !f.TakesPart {
		return []Finding{{"DHT", Warn, "not taken part in", "it is switched off", "set dht = true to be found by links alone"}}
	}
	if len(f.DHT) == 0 {
		return []Finding{{"DHT", Bad, "not taken part in", "no datagrams can be sent", ""}}
	}
	for _, n := range f.DHT {
		if !f.Proxied && len(f.own(n.IPv6)) == 0 {
			continue // no wonder
		}
		subject := "DHT " + familyName(n.IPv6)
		switch n.State {
		case "joined":
			list = append(list, Finding{subject, OK, "joined, knows " + count(int64(n.Known), "node"), "", ""})
		case "alone":
			list = append(list, Finding{subject, Warn, "no other node has answered", "",
				"look whether the firewall lets UDP out; other ways in are set with dht_routers"})
		default:
			list = append(list, Finding{subject, Unknown, n.State + ", knows " + count(int64(n.Known), "node"), "", "ask again in a minute"})
		}
	}
	return list
}

// trackers looks at who announces have reached.
func (f *Facts) trackers() []Finding {
	if len(f.Trackers) == 0 {
		return nil
	}
	answered := 0
	var failed Tracker
	for _, t := range f.Trackers {
		switch {
		case t.Answered:
			answered++
		case t.Error != "" && failed.URL == "":
			failed = t
		}
	}
	what := fmt.Sprintf("%d of %s answered", answered, count(int64(len(f.Trackers)), "tracker"))
	why := ""
	if failed.URL != "" {
		why = failed.URL + ": " + failed.Error
	}
	switch {
	case answered == len(f.Trackers):
		return []Finding{{"trackers", OK, what, "", ""}}
	case answered > 0:
		return []Finding{{"trackers", Warn, what, why, "potluck ls shows of which objects they are; the others do"}}
	case failed.URL == "":
		return []Finding{{"trackers", Unknown, what, "", "ask again in a minute"}}
	}
	return []Finding{{"trackers", Bad, what, why, "look whether the network works, and whether their addresses are right"}}
}

// released is before every moment at which this program can run.
var released = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// clock looks whether the time of the system can be.
func (f *Facts) clock() []Finding {
	const advice = "set the clock of this machine: certificates and the times of files are judged by it"
	switch {
	case f.Now.Before(released):
		return []Finding{{"clock", Bad, "it is wrong: it shows " + f.Now.Format(time.DateTime), "this program is newer than that", advice}}
	case f.Recorded.Sub(f.Now) > time.Minute:
		return []Finding{{"clock", Bad, "it is wrong: it shows " + f.Now.Format(time.DateTime),
			"potluck wrote something down at " + f.Recorded.Format(time.DateTime), advice}}
	}
	return []Finding{{"clock", OK, "it shows " + f.Now.Format(time.DateTime), "", ""}}
}

// leastFree is the room that the state and unfinished files want, in bytes.
const leastFree = 100 << 20

// places looks whether the node can write where it has to.
func (f *Facts) places() (list []Finding) {
	for _, p := range f.Places {
		switch {
		case p.Problem != "":
			list = append(list, Finding{p.Name, Bad, "nothing can be written to " + p.Path, p.Problem,
				"have it belong to the user that runs potluck, or choose another"})
		case p.Free >= 0 && p.Free < leastFree:
			list = append(list, Finding{p.Name, Warn, fmt.Sprintf("%d MB are free in %s", p.Free/1e6, p.Path), "", "free some space there"})
		case p.Free < 0:
			list = append(list, Finding{p.Name, OK, p.Path + " can be written to", "", ""})
		default:
			list = append(list, Finding{p.Name, OK, fmt.Sprintf("%s can be written to, %.1f GB are free", p.Path, float64(p.Free)/1e9), "", ""})
		}
	}
	return list
}

// filesPerPeer are a connection and, at times, a file that is served on it.
const filesPerPeer = 2

// files looks at the limit of open files.
func (f *Facts) files() []Finding {
	switch {
	case f.OpenFiles == 0:
		return nil // there is none
	case f.OpenFiles < int64(f.Peers)*filesPerPeer:
		return []Finding{{"open files", Warn, fmt.Sprintf("%d may be open, for %d peers", f.OpenFiles, f.Peers), "each peer takes one, and what it is given another",
			"raise the limit (ulimit -n), or lower max_peers"}}
	}
	return []Finding{{"open files", OK, fmt.Sprintf("%d may be open", f.OpenFiles), "", ""}}
}
