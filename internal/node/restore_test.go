package node

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/create"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

// TestHangingDiskHoldsUpNobody: shares on a disk that does not answer do not keep the others from coming back.
func TestHangingDiskHoldsUpNobody(t *testing.T) {
	inHouse(t, "v1", map[string]int{"x": 1000}, func(t *testing.T, h *house) {
		var disk *vfs.Faults
		n := h.fetcher("10.0.0.2", faulty(&disk))
		for i := range 24 {
			dir := filepath.Join(h.dir, []string{"hangs", "fine", "hangs"}[i%3])
			name := fmt.Sprint("f", i)
			writeTree(t, dir, map[string]int{name: 2000 + i})
			if _, err := n.Share(t.Context(), create.Request{Path: filepath.Join(dir, name)}, nil, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
		answers := make(chan struct{})
		n = h.fetcher("10.0.0.2", faulty(&disk), func(*Config) {
			disk.On(func(c vfs.Call) error {
				if strings.Contains(c.Name, "hangs") {
					<-answers
				}
				return nil
			})
		})
		time.Sleep(time.Minute) // virtual
		synctest.Wait()
		for _, o := range n.Objects() {
			if strings.Contains(o.Path, "fine") && o.State != "seeding" {
				t.Errorf("%s is %s", o.Path, o.State)
			}
		}
		close(answers)
		time.Sleep(time.Second) // virtual
		synctest.Wait()
		for _, o := range n.Objects() {
			if o.State != "seeding" {
				t.Errorf("%s is %s when the disk answers", o.Path, o.State)
			}
		}
	})
}
