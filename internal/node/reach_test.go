package node

import (
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/node/news"
)

// untilReach waits until it is known whether others find a share: a code of why not, or "" if they do.
func untilReach(t *testing.T, n *Node, id, code string) *news.Reach {
	t.Helper()
	return until(t, n, id, "reached with "+code, func(o Object) bool {
		r := o.Reach
		return r != nil && (r.Found && code == "" || !r.Found && r.Why.Code == code)
	}).Reach
}

// Others find what was just shared, and that is told and looked into again.
func TestReachFound(t *testing.T) {
	inHouse(t, "hybrid", uneven, func(t *testing.T, h *house) {
		h.world.SetLink(nil, nil, netxtest.Link{Delay: 20 * time.Millisecond})
		h.neighbours(8)
		sharer := h.fetcher("21.1.0.1", inTable)
		told := sharer.Subscribe(t.Context())
		o := h.share(sharer)
		if o.Reach != nil {
			t.Errorf("known before anybody was asked: %+v", o.Reach)
		}
		for e := range told {
			if e.Kind == news.EventReach {
				o = e.Object
				break
			}
		}
		r := o.Reach
		if r == nil || !r.Found || r.As != netip.MustParseAddrPort("21.1.0.1:7000") || r.Took <= 0 || r.Nodes < 4 || r.Seeders != 1 || r.Leechers != 0 || r.Why != nil {
			t.Fatalf("%+v", r)
		}
		first := r.Checked
		time.Sleep(45 * time.Minute) // virtual
		if got := untilReach(t, sharer, o.ID, "").Checked; got != first {
			t.Error("looked into again after", got.Sub(first))
		}
		time.Sleep(30 * time.Minute) // virtual
		if got := untilReach(t, sharer, o.ID, "").Checked; got == first {
			t.Error("never looked into again")
		}

		getter := h.fetcher("22.1.0.1", inTable)
		got, err := getter.Get(t.Context(), GetRequest{Link: o.Link})
		if err != nil {
			t.Fatal(err)
		}
		untilDone(t, getter, got.ID)
		time.Sleep(5 * time.Minute) // virtual
		if got := until(t, getter, got.ID, "there", func(Object) bool { return true }); got.Reach != nil {
			t.Errorf("of what was fetched: %+v", got.Reach)
		}
	})
}

// Whoever has nobody to tell is told so, and of others as soon as they are there.
func TestReachAlone(t *testing.T) {
	inHouse(t, "v2", uneven, func(t *testing.T, h *house) {
		hermit := h.fetcher("23.1.0.1", inTable, func(c *Config) { c.DHTRouters = nil })
		if r := untilReach(t, hermit, h.share(hermit).ID, "dht-no-way-in"); r.Checked.IsZero() || r.Nodes != 0 || r.As.IsValid() || r.Why.Hint == "" {
			t.Errorf("%+v", r)
		}
		h.world.Name("router.example", "20.0.0.1")
		sharer := h.fetcher("21.1.0.1", inTable)
		began := time.Now()
		o := h.share(sharer)
		untilReach(t, sharer, o.ID, "dht-silent")
		if took := time.Since(began); took < 15*time.Second || took > time.Minute {
			t.Error("told after", took)
		}
		h.neighbours(8)
		untilReach(t, sharer, o.ID, "")
	})
}

// What is not announced is not found, and nobody is asked.
func TestReachNever(t *testing.T) {
	for code, change := range map[string]func(*house, *Config){
		"offline": func(_ *house, c *Config) { c.Offline = true },
		"dht-off": func(_ *house, c *Config) { c.DHT = false },
		"private": func(h *house, _ *Config) {
			h.req.Private, h.req.Trackers = true, []string{"http://21.1.0.1:9/announce"}
		},
	} {
		inHouse(t, "v1", uneven, func(t *testing.T, h *house) {
			sharer := h.fetcher("21.1.0.1", inTable, func(c *Config) { change(h, c) })
			o := h.share(sharer)
			if r := o.Reach; r == nil || r.Found || r.Why.Code != code || !r.Checked.IsZero() {
				t.Errorf("%s: %+v", code, r)
			}
			if err := sharer.Pause(o.ID); err != nil {
				t.Fatal(err)
			}
			if r := untilState(t, sharer, o.ID, "paused").Reach; r != nil {
				t.Errorf("%s: %+v of what is paused", code, r)
			}
		})
	}
}

// Of what others find it is said if strangers do not reach us, when that changes.
func TestReachUnreached(t *testing.T) {
	inHouse(t, "v1", uneven, func(t *testing.T, h *house) {
		h.neighbours(8)
		sharer := h.fetcher("21.1.0.1", inTable)
		var unreached atomic.Bool
		sharer.rooms.Unreached = func(a netip.Addr) bool { return unreached.Load() && a.Is4() }
		o := h.share(sharer)
		if r := untilReach(t, sharer, o.ID, ""); r.Why != nil {
			t.Errorf("%+v", r.Why)
		}
		told := sharer.Subscribe(t.Context())
		unreached.Store(true)
		for _, o := range sharer.books.All() {
			o.SayReach(sharer.cfg.Now())
		}
		for e := range told {
			if e.Kind == news.EventReach {
				if r := e.Object.Reach; !r.Found || r.Why == nil || r.Why.Code != "dht-unreached" || r.Why.Hint == "" {
					t.Errorf("%+v", r)
				}
				break
			}
		}
	})
}
