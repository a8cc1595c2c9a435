package scheduler

import "testing"

// TestSuggest: what a source suggests is started first, in its order, unless others are wanted more or are rarer, or it cannot be.
func TestSuggest(t *testing.T) {
	s := newTest(20, 2)
	s.AddSource(1)
	s.HaveAll(1)
	s.AddSource(2)
	s.Have(2, 5) // so that it is not as rare
	s.MarkVerified(6)
	s.SetWanted(7, None)
	s.SetWanted(8, Low)
	for _, u := range []int{5, 12, 6, 7, 8, 3, 3, 99, -1, 17} {
		s.Suggest(1, u)
	}
	s.Suggest(9, 1) // nobody
	got := s.Pick(nil, t0, 1, 12, PickOptions{Fast: true})
	for i, want := range []int{12, 12, 12, 12, 3, 3, 3, 3, 17, 17, 17, 17} {
		if i >= len(got) || got[i].Unit != want {
			t.Fatalf("asks for %v", got)
		}
	}
	if got := s.Pick(nil, t0, 1, 1, PickOptions{Fast: true}); len(got) != 1 || got[0].Unit == 5 || got[0].Unit == 8 {
		t.Errorf("then for %v", got)
	}
	for u := range 200 {
		s.Suggest(1, u%20)
	}
	if n := len(s.sources[1].suggested); n > maxSuggested {
		t.Errorf("remembers %d suggestions", n)
	}
	check(t, s)
}
