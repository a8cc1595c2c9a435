package node

import (
	"path/filepath"
	"testing"

	"github.com/potluck-p2p/potluck/internal/create"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
)

// TestLimitSurvivesRestart: an object's own limits are the ones of its limiters, now and after a restart.
func TestLimitSurvivesRestart(t *testing.T) {
	dir := t.TempDir()
	src := filepath.Join(dir, "photos")
	writeTree(t, src, map[string]int{"a": 100})
	host := netxtest.NewWorld(1).Host("10.0.0.1")
	n := start(t, host, filepath.Join(dir, "home"))
	shared, err := n.Share(t.Context(), create.Request{Path: src}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Limit(shared.ID, 5000, 7000); err != nil {
		t.Fatal(err)
	}
	if err := n.Limit(shared.ID, -1, 0); err != nil {
		t.Fatal(err)
	}
	rates := func(n *Node) (up, down int64) {
		o, err := n.lookup(shared.ID)
		if err != nil {
			t.Fatal(err)
		}
		return o.Net.Up[1].Rate(), o.Net.Down[1].Rate() // behind the node's own
	}
	if up, down := rates(n); up != 5000 || down != 0 {
		t.Errorf("limits are %d and %d", up, down)
	}
	n.Close()
	n = start(t, host, filepath.Join(dir, "home"))
	defer n.Close()
	if up, down := rates(n); up != 5000 || down != 0 {
		t.Errorf("after a restart limits are %d and %d", up, down)
	}
}
