package node

import (
	"net/netip"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/reach/doctor"
)

// TestDoctorKnowsTheNode: what the doctor is told is what is so: addresses, who has connected, folders, trackers.
func TestDoctorKnowsTheNode(t *testing.T) {
	inHouse(t, "v1", map[string]int{"a": 100_000}, func(t *testing.T, h *house) {
		seed := start(t, h.world.Host("9.9.9.9"), h.home("far"), func(c *Config) { c.Offline, c.PortMapping = false, true })
		shared := h.share(seed)
		if f := seed.facts(); len(f.Arrivals) > 0 || f.Offline || !slices.Contains(f.Local, netip.MustParseAddr("9.9.9.9")) {
			t.Errorf("before anybody has come: %+v", f)
		}
		n := h.fetcher("8.8.8.8")
		o := h.get(n, func(r *GetRequest) { r.Peers = []string{peerOf(seed)} })
		untilDone(t, n, o.ID)
		f := seed.facts()
		if len(f.Arrivals) == 0 || f.Arrivals[0].Count == 0 || f.Arrivals[0].Transport != doctor.TCP || f.Arrivals[0].IPv6 || time.Since(f.Arrivals[0].Last) > time.Minute {
			t.Errorf("somebody has connected: %+v", f.Arrivals)
		}
		if len(f.Listen) == 0 || f.Recorded.IsZero() || f.Peers == 0 || len(f.Places) != 2 {
			t.Errorf("%+v", f)
		}
		for _, p := range f.Places {
			if p.Problem != "" || !filepath.IsAbs(p.Path) {
				t.Errorf("%+v", p)
			}
		}
		if list, reach := seed.Examine(); reach != doctor.Reached || len(list) < 4 {
			t.Errorf("%s: %+v", reach, list)
		}
		if _, reach := n.Examine(); reach != doctor.NotIntended {
			t.Errorf("offline it is %s", reach)
		}
		if _, err := seed.Object(shared.ID); err != nil {
			t.Error(err)
		}
	})
}
