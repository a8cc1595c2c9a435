package node

import (
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// meeting is two nodes to which nobody can connect, one of them with everything, and one in the middle that both know: it has
// little of what the others exchange.
type meeting struct {
	*house
	relay, has, wants    *Node
	middle, holds, lacks Object
}

// punching is a node of the Internet that punches holes.
func punching(c *Config) {
	c.Log = c.Log.With("at", filepath.Base(c.Home))
	c.Offline, c.UTP, c.HolePunching = false, true, true
}

// meet runs a test with such nodes, at the addresses given.
func meet(t *testing.T, relay, has, wants string, change func(*Config), test func(m *meeting)) {
	t.Helper()
	inHouse(t, "v1", map[string]int{"large": 2 << 20}, func(t *testing.T, h *house) {
		m := &meeting{house: h}
		m.relay = h.fetcher(relay, punching, change, limit(8<<10))
		shut := func(ip string, more ...func(*Config)) *Node {
			host := h.world.Host(ip)
			host.Shut()
			return start(t, host, h.home(ip), append([]func(*Config){punching, change}, more...)...)
		}
		m.has, m.wants = shut(has), shut(wants)
		m.middle = h.get(m.relay, func(r *GetRequest) { r.Torrent, r.Peers = h.torrent(), nil })
		m.holds = h.get(m.has, func(r *GetRequest) {
			r.Torrent, r.Dir, r.Peers = h.torrent(), filepath.Dir(h.src), []string{peerOf(m.relay)}
		})
		untilDone(t, m.has, m.holds.ID)
		time.Sleep(time.Minute) // virtual: it has told the relay all that it has to tell
		m.lacks = h.get(m.wants, func(r *GetRequest) { r.Torrent, r.Peers = h.torrent(), []string{peerOf(m.relay)} })
		test(m)
	})
}

// punched are the peers of an object that it met through a third.
func punched(t *testing.T, n *Node, id string) (list []string) {
	t.Helper()
	peers, err := n.Peers(id)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range peers {
		if p.Punched {
			list = append(list, p.Address)
		}
	}
	return list
}

// TestMeet: two that nobody can connect to meet by way of a third, and fetch what it does not have.
func TestMeet(t *testing.T) {
	for name, ips := range map[string][3]string{
		"IPv4": {"20.1.0.1", "21.1.0.1", "22.1.0.1"},
		"IPv6": {"2600:1::1", "2600:2::1", "2600:3::1"},
	} {
		t.Run(name, func(t *testing.T) {
			meet(t, ips[0], ips[1], ips[2], func(*Config) {}, func(m *meeting) {
				untilDone(t, m.wants, m.lacks.ID)
				if got := list(t, filepath.Join(m.home(ips[2]), "downloads")); got["photos/large"] != 2<<20 {
					t.Errorf("fetched %v", got)
				}
				o, err := m.relay.Object(m.middle.ID)
				if err != nil || o.BytesDone == o.BytesWanted {
					t.Errorf("the one in the middle has all (%v)", err)
				}
			})
		})
	}
}

// TestPunchedIsShown: both ends say how they met, and stay connected by one connection.
func TestPunchedIsShown(t *testing.T) {
	meet(t, "20.1.0.1", "21.1.0.1", "22.1.0.1", func(c *Config) { c.Down = 32 << 10 }, func(m *meeting) {
		until(t, m.wants, m.lacks.ID, "fetching from whom it met", func(o Object) bool { return len(punched(t, m.wants, o.ID)) == 1 })
		time.Sleep(10 * time.Second) // virtual: both have begun a connection, and one of the two is left
		here, there := punched(t, m.wants, m.lacks.ID), punched(t, m.has, m.holds.ID)
		want := func(n *Node) []string { return []string{peerOf(n)} }
		if !slices.Equal(here, want(m.has)) || !slices.Equal(there, want(m.wants)) {
			t.Errorf("met %v and %v", here, there)
		}
	})
}

// TestNoHolePunching: without it they do not meet.
func TestNoHolePunching(t *testing.T) {
	for name, off := range map[string]func(*Config){
		"switched off": func(c *Config) { c.HolePunching = false },
		"without uTP":  func(c *Config) { c.UTP = false },
	} {
		t.Run(name, func(t *testing.T) {
			meet(t, "20.1.0.1", "21.1.0.1", "22.1.0.1", off, func(m *meeting) {
				time.Sleep(time.Minute) // virtual
				if got := punched(t, m.wants, m.lacks.ID); got != nil {
					t.Errorf("met %v", got)
				}
			})
		})
	}
}
