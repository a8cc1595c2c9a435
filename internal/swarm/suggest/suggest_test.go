package suggest

import (
	"slices"
	"testing"

	"github.com/potluck-p2p/potluck/internal/content"
)

const mib = 1 << 20

var none content.Bitmap

func full(n int) content.Bitmap {
	all := content.NewBitmap(n)
	all.SetAll()
	return all
}

func of(n int, pieces ...int) content.Bitmap {
	m := content.NewBitmap(n)
	for _, i := range pieces {
		m.Set(i)
	}
	return m
}

// TestEachPieceOnce: two peers are suggested different pieces in the order of the object, more as they ask for them, until there
// is none left.
func TestEachPieceOnce(t *testing.T) {
	d := New(full(20), mib, 17)
	var a, b Guest
	first := slices.Clone(d.Next(&a, none, 0, nil))
	if !slices.Equal(first, []int{17, 18}) {
		t.Fatalf("suggests %v", first)
	}
	if got := d.Next(&b, none, 0, nil); !slices.Equal(got, []int{19, 0}) {
		t.Fatalf("suggests %v to the other", got)
	}
	if got := d.Next(&a, none, 0, nil); len(got) != 0 {
		t.Fatalf("suggests %v before the first were asked for", got)
	}
	seen := []int{17, 18, 19, 0}
	queue := first
	for len(queue) > 0 {
		if !d.Asked(&a, queue[0]) || d.Asked(&a, queue[0]) {
			t.Fatal("the first block of a piece, and only that, is news")
		}
		queue = d.Next(&a, none, 0, queue[1:])
		seen = append(seen, queue[len(queue)-min(1, len(queue)):]...)
	}
	slices.Sort(seen)
	if seen = slices.Compact(seen); len(seen) != 20 {
		t.Errorf("of 20 pieces %v were suggested", seen)
	}
}

// TestTaken: what somebody has or asks for is suggested to nobody, and what was suggested to one who leaves is.
func TestTaken(t *testing.T) {
	d := New(full(8), mib, 0)
	var a, b, c Guest
	d.HasAll(&c, of(8, 1))
	d.Asked(&c, 3)
	if got := d.Next(&a, none, 0, nil); !slices.Equal(got, []int{0, 2}) {
		t.Errorf("suggests %v", got)
	}
	d.Leave(&a)
	if got := d.Next(&b, none, 3*mib*2, nil); !slices.Equal(got, []int{4, 5, 6}) {
		t.Errorf("suggests %v at six pieces a second", got)
	}
	if got := d.Next(&a, none, 4*mib*2, nil); !slices.Equal(got, []int{7, 0, 2}) {
		t.Errorf("suggests %v, of what is left", got)
	}
}

// TestDeaf: who does not heed suggestions gets none any more, and others get his.
func TestDeaf(t *testing.T) {
	d := New(full(100), mib, 0)
	var a, b Guest
	d.Next(&a, none, 0, nil)
	for i := range patience {
		if more := d.Asked(&a, 50+i); more != (i < patience-1) {
			t.Fatalf("after %d others: %v", i+1, more)
		}
	}
	if got := d.Next(&a, none, 1e12, nil); len(got) != 0 {
		t.Errorf("suggests %v all the same", got)
	}
	if got := d.Next(&b, none, 1e12, nil); len(got) != mostOpen || d.taken.Has(0) {
		t.Errorf("suggests %v", got)
	}
}

// TestHas: nobody is suggested what it has or what we lack, and what a peer has got otherwise is open no more.
func TestHas(t *testing.T) {
	d := New(of(12, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9), mib, 8)
	var a, b, c Guest
	if got := d.Next(&a, none, 0, nil); !slices.Equal(got, []int{8, 9}) {
		t.Errorf("suggests %v", got)
	}
	d.Has(&a, 9)
	d.Has(&b, 0)
	if got := d.Next(&a, none, 0, nil); !slices.Equal(got, []int{1}) {
		t.Errorf("suggests %v where one is open", got)
	}
	d.HasAll(&a, of(12, 1, 2, 8))
	if got := d.Next(&a, none, 0, nil); !slices.Equal(got, []int{3, 4}) {
		t.Errorf("suggests %v where nothing is open", got)
	}
	d.Leave(&a)
	if got := d.Next(&b, of(12, 3, 5), 0, nil); !slices.Equal(got, []int{6, 7}) {
		t.Errorf("suggests %v", got)
	}
	d.HasAll(&c, of(12, 3))
	if got := d.Next(&c, of(12, 3), 16*mib, nil); !slices.Equal(got, []int{4, 5}) {
		t.Errorf("suggests %v, where all others have all or were suggested it", got)
	}
}
