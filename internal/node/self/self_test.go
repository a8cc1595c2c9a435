package self

import (
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/potluck-p2p/potluck/internal/node/home"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

// A home is known by one key from run to run; one that is damaged is not replaced. Nobody is somebody else each time.
func TestKey(t *testing.T) {
	h, err := home.Open(t.Context(), vfs.OS(), filepath.Join(t.TempDir(), "home"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	first, err := Known(t.Context(), h.Catalog)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Known(t.Context(), h.Catalog)
	if err != nil || again.Key() != first.Key() {
		t.Errorf("%v and then %v, %v", first.Key(), again.Key(), err)
	}
	one, err := Nobody()
	if err != nil {
		t.Fatal(err)
	}
	other, err := Nobody()
	if err != nil || one.Key() == other.Key() || one.Key() == first.Key() {
		t.Errorf("nobody is recognised, %v", err)
	}
	if err := h.Catalog.SetSetting(t.Context(), keySetting, "deadbeef"); err != nil {
		t.Fatal(err)
	}
	if _, err := Known(t.Context(), h.Catalog); !errors.Is(err, home.ErrSecret) {
		t.Errorf("a damaged key: %v", err)
	}
}

// Who is anonymous says nothing of the program, and has another id for each object.
func TestNames(t *testing.T) {
	for _, c := range []struct {
		Names
		client, mapping, dht string
	}{
		{Names{Version: "1.2"}, "potluck/1.2", "potluck", "PK\x01\x00"},
		{Names{Version: "1.2", Anonymous: true}, "", "mapping", ""},
	} {
		if c.Client() != c.client || c.Mapping() != c.mapping || c.DHT() != c.dht {
			t.Errorf("%+v: %q, %q, %q", c.Names, c.Client(), c.Mapping(), c.DHT())
		}
		next := c.PeerIDs()
		one, other := next(), next()
		if (one == other) == c.Anonymous || strings.HasPrefix(string(one[:]), "-PK0100-") == c.Anonymous {
			t.Errorf("%+v: %q and %q", c.Names, one, other)
		}
	}
}
