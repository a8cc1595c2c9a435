package node

import (
	"strings"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/identity"
	"github.com/potluck-p2p/potluck/internal/node/home"
	"github.com/potluck-p2p/potluck/internal/protocol/mse"
)

// A home has one key for as long as it exists, and another home another. One that is damaged is not replaced in silence.
func TestKeyOfHome(t *testing.T) {
	inHouse(t, "v1", map[string]int{"a": 1000}, func(t *testing.T, h *house) {
		n := h.fetcher("10.0.0.2")
		key := n.Key()
		if _, err := identity.ParseKey(key); err != nil || key == h.seed.Key() {
			t.Fatalf("%q, %v", key, err)
		}
		n.Close()
		n = h.fetcher("10.0.0.2")
		if n.Key() != key {
			t.Error("the key has changed")
		}
		if err := n.catalog.SetSetting(t.Context(), "node-key", "deadbeef"); err != nil {
			t.Fatal(err)
		}
		cfg := n.cfg
		n.Close()
		if n, err := Open(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), home.ErrSecret.Error()) {
			if err == nil {
				n.Close()
			}
			t.Errorf("opened with %v", err)
		}
		if anonymous := h.fetcher("10.0.0.3", func(c *Config) { c.Anonymous = true }); anonymous.Key() != "" {
			t.Error("anonymous, and known by a key")
		}
		if plain := h.fetcher("10.0.0.4", func(c *Config) { c.Encryption = mse.Off }); plain.Key() != "" {
			t.Error("it proves a key that it does not use")
		}
	})
}

// Who has a link is told when another node answers where the link says that a certain one is; with the right key it is fetched, by
// whoever hides who he is too.
func TestKeyOfLinkIsHeldTo(t *testing.T) {
	inHouse(t, "hybrid", map[string]int{"a": 300_000}, func(t *testing.T, h *house) {
		at := h.shared.Link + "&x.pe=" + peerOf(h.seed) + "&x.pk="
		from := func(key string) func(*GetRequest) {
			return func(r *GetRequest) { r.Link, r.Peers, r.Wait = at+key, nil, time.Minute }
		}
		deceived := h.fetcher("10.0.0.2")
		o := h.get(deceived, from(deceived.Key()))
		failed := untilState(t, deceived, o.ID, "failed")
		if want := peerOf(h.seed) + " has another key than the link says"; !strings.Contains(failed.Err.Message, want) || failed.Err.Exit != 4 {
			t.Errorf("%+v", failed.Err)
		}
		for ip, change := range map[string]func(*Config){
			"10.0.0.3": func(*Config) {},
			"10.0.0.4": func(c *Config) { c.Anonymous = true },
			"10.0.0.5": func(c *Config) { c.Encryption = mse.Authenticated },
		} {
			n := h.fetcher(ip, change)
			untilDone(t, n, h.get(n, from(h.seed.Key())).ID)
		}
	})
}

// By a policy under which everything is authenticated, nothing of an object is fetched or asked where others could read it.
func TestNothingIsAskedInClear(t *testing.T) {
	inHouse(t, "v1", map[string]int{"a": 100_000}, func(t *testing.T, h *house) {
		host := h.world.Host("10.0.0.2")
		n := start(t, host, h.home("second"), func(c *Config) { c.Encryption, c.DHT, c.Offline = mse.Authenticated, true, false })
		if n.dht != nil || n.lan != nil {
			t.Error("it speaks to the DHT, or to the local network")
		}
		if _, err := n.Get(t.Context(), GetRequest{Link: "http://10.0.0.9/x.torrent"}); exit(err) != 2 {
			t.Errorf("a .torrent file by http: %v", err)
		}
		o := h.get(n, func(r *GetRequest) {
			r.Link += "&tr=http%3A%2F%2F10.0.0.9%3A8000%2Fannounce&ws=http%3A%2F%2F10.0.0.9%3A8001%2F"
			r.Peers, r.Torrent = []string{h.seed.Key() + "@" + peerOf(h.seed)}, nil
		})
		untilDone(t, n, o.ID)
		for _, to := range host.Dials() {
			if to.String() != peerOf(h.seed) {
				t.Errorf("it connects to %v", to)
			}
		}
	})
}
