package node

import "testing"

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
		until(t, n, o.ID, "half", func(o Object) bool { return o.State == "fetching" && o.BytesDone >= 640_000 })
		files, err := n.Files(o.ID)
		if err != nil {
			t.Fatal(err)
		}
		// A piece or two were under way before anything was said, and one is shared with the next file.
		if files[1].BytesDone < 500_000 || files[0].BytesDone > 200_000 {
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
			if err := n.SetPriorities(o.ID, p); exit(err) != ExitUsage {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := n.SetPriorities(o.ID, map[int]string{0: "normal"}); err != nil {
			t.Error(err)
		}
		untilDone(t, n, o.ID)
		if err := h.seed.SetPriorities(h.shared.ID, map[int]string{0: "low"}); exit(err) != ExitUsage {
			t.Errorf("of a share: %v", err)
		}
	})
}
