package patrol

import (
	"slices"
	"testing"
)

func TestRound(t *testing.T) {
	a, b, c, empty := Post{"a", 3}, Post{"b", 1}, Post{"c", 2}, Post{"empty", 0}
	whole := [][]Look{{{"a", 0, 1}, {"b", 0, 1}, {"c", 0, 1}, {"a", 1, 3}, {"c", 1, 2}}}
	var p Patrol
	for i, step := range []struct {
		posts []Post
		want  [][]Look
	}{
		{nil, nil},
		{[]Post{empty}, nil},
		{[]Post{a, b, empty, c}, whole},
		{[]Post{a, b, c}, whole},
		{[]Post{b}, [][]Look{{{"b", 0, 1}}}},
		{[]Post{a, b, c}, whole},
	} {
		if got := p.Round(step.posts); !slices.EqualFunc(got, step.want, slices.Equal) {
			t.Errorf("round %d: %v, want %v", i, got, step.want)
		}
	}
}

// In a home of very many files each round is bounded, has the first of each object and no file twice, and a few rounds have all;
// objects that come and go keep none from being looked at.
func TestRoundsOfManyFiles(t *testing.T) {
	var posts []Post
	for i := range 300 {
		posts = append(posts, Post{string(rune('A' + i)), 1 + i*2})
	}
	posts[7].Files = 3 * most
	var p Patrol
	seen := make(map[Look]bool)
	total := 0
	for _, post := range posts {
		total += post.Files
	}
	rounds := (total + most - 1) / most
	for n := range rounds {
		this := make(map[Look]bool)
		portions := p.Round(posts)
		for i, looks := range portions {
			count := 0
			for _, l := range looks {
				for f := l.From; f < l.To; f++ {
					one := Look{l.ID, f, f + 1}
					if this[one] {
						t.Fatalf("round %d has %v twice", n, one)
					}
					this[one], seen[one] = true, true
					count++
				}
			}
			if count > portion || count < portion && i < len(portions)-1 {
				t.Errorf("portion %d of round %d is of %d files", i, n, count)
			}
		}
		if len(this) != most+len(posts) {
			t.Errorf("round %d is of %d files", n, len(this))
		}
		for _, post := range posts {
			if !this[Look{post.ID, 0, 1}] {
				t.Errorf("round %d has nothing of %s", n, post.ID)
			}
		}
	}
	if len(seen) != total {
		t.Errorf("%d files of %d were looked at in %d rounds", len(seen), total, rounds)
	}
	p.Round(posts[:10])
	if got := p.Round(posts[:1]); len(got) != 1 {
		t.Errorf("with one object left: %v", got)
	}
}
