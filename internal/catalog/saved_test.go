package catalog

import (
	"context"
	"errors"
	"net/netip"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/identity"
)

// somePeers are peers with every field set, and with none that may be empty.
func somePeers() []SavedPeer {
	return []SavedPeer{
		{Addr: netip.MustParseAddrPort("192.0.2.1:6881"), Origin: 3, Moved: 1 << 40, Seen: time.Date(2026, 3, 4, 5, 6, 7, 8e6, time.UTC), Anchor: true, Key: identity.Key{1, 2, 3}},
		{Addr: netip.MustParseAddrPort("[2001:db8::1]:1")},
	}
}

func TestSavedPeers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.db")
	c := mustOpen(t, path)
	ctx := t.Context()
	id, other := mustAdd(t, c, least()), mustAdd(t, c, full())
	if got, err := c.SavedPeers(ctx, id); err != nil || got != nil {
		t.Errorf("before any were saved: %v, %v", got, err)
	}
	want := somePeers()
	if err := errors.Join(c.SetSavedPeers(ctx, id, want), c.SetSavedPeers(ctx, other, want[1:])); err != nil {
		t.Fatal(err)
	}
	// What cannot be stored changes nothing.
	var refused *InvalidError
	for name, p := range map[string]SavedPeer{
		"no address": {}, "no port": {Addr: netip.MustParseAddrPort("192.0.2.1:0")},
		"a zone":         {Addr: netip.MustParseAddrPort("[fe80::1%x]:1")},
		"negative bytes": {Addr: want[0].Addr, Moved: -1},
	} {
		if err := c.SetSavedPeers(ctx, id, []SavedPeer{p}); !errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := c.SetSavedPeers(ctx, id, make([]SavedPeer, MaxSavedPeers+1)); !errors.As(err, &refused) {
		t.Errorf("too many: %v", err)
	}
	if err := c.SetSavedPeers(ctx, "ffffffff", want); !errors.Is(err, ErrNotFound) {
		t.Errorf("of no object: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = mustOpen(t, path)
	if got, err := c.SavedPeers(ctx, id); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	// Others take their place; an object takes its own with it.
	if err := errors.Join(c.SetSavedPeers(ctx, id, want[1:]), c.Delete(ctx, other)); err != nil {
		t.Fatal(err)
	}
	if got, err := c.SavedPeers(ctx, id); err != nil || !reflect.DeepEqual(got, want[1:]) {
		t.Errorf("got %+v, %v", got, err)
	}
	var rows int
	if err := c.reader.QueryRow("SELECT count(*) FROM saved_peers").Scan(&rows); err != nil || rows != 1 {
		t.Errorf("%d rows, %v", rows, err)
	}
}

// TestSenselessSavedPeers: rows that somebody wrote by hand are left out, the others stay.
func TestSenselessSavedPeers(t *testing.T) {
	c := newCatalog(t)
	id := mustAdd(t, c, least())
	want := somePeers()
	if err := c.SetSavedPeers(t.Context(), id, want); err != nil {
		t.Fatal(err)
	}
	for i, row := range []string{"'nowhere', 3, 1, 1, 0, NULL", "'192.0.2.1:1', -1, 1, 1, 0, NULL", "'192.0.2.1:1', 256, 1, 1, 0, NULL", "'192.0.2.1:1', 1, -1, 1, 0, NULL"} {
		if _, err := c.writer.ExecContext(context.Background(), "INSERT INTO saved_peers SELECT n, ?, "+row+" FROM objects", 10+i); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := c.SavedPeers(t.Context(), id); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := c.writer.ExecContext(context.Background(), "UPDATE saved_peers SET key = x'0102' WHERE place = 0"); err != nil {
		t.Fatal(err)
	}
	want[0].Key = identity.Key{}
	if got, err := c.SavedPeers(t.Context(), id); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("with half a key: %+v, %v", got, err)
	}
}
