package node

import (
	"testing"

	"github.com/potluck-p2p/potluck/internal/fault"
)

// What is wanted more comes first, also after a restart.
func TestPriorities(t *testing.T) {
	inHouse(t, "v1", map[string]int{"a": 640_000, "b": 640_000, "c": 640_000}, func(t *testing.T, h *house) {
		slow := limit(50_000)
		n := h.fetcher("10.0.0.2", slow)
		o := h.get(n, func(r *GetRequest) { r.Torrent, r.Select = h.torrent(), []string{"a", "b"} })
		until(t, n, o.ID, "begun", func(o Object) bool { return o.State == "fetching" })
		if err := n.SetPriorities(o.ID, map[int]string{0: "low", 1: "high"}); err != nil {
			t.Fatal(err)
		}
		n.Close()
		n = h.fetcher("10.0.0.2", slow)
		var files []File
		until(t, n, o.ID, "done with what is wanted most", func(Object) bool {
			var err error
			if files, err = n.Files(o.ID); err != nil {
				t.Fatal(err)
			}
			return len(files) == 3 && files[1].BytesDone == 640_000
		})
		// Some pieces were under way before anything was said. Without priorities both files end together.
		if files[0].BytesDone > 400_000 {
			t.Errorf("%+v", files)
		}
		if files[0].Priority != "low" || files[1].Priority != "high" || files[2].Priority != "skip" {
			t.Errorf("%+v", files)
		}
		for name, p := range map[string]map[int]string{
			"skip":          {0: "skip"},
			"unknown":       {0: "highest"},
			"beyond":        {3: "low"},
			"negative":      {-1: "low"},
			"of unselected": {2: "high"},
		} {
			if err := n.SetPriorities(o.ID, p); exit(err) != fault.ExitUsage {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := n.SetPriorities(o.ID, map[int]string{0: "normal"}); err != nil {
			t.Error(err)
		}
		untilDone(t, n, o.ID)
		if err := h.seed.SetPriorities(h.shared.ID, map[int]string{0: "low"}); exit(err) != fault.ExitUsage {
			t.Errorf("of a share: %v", err)
		}
	})
}
