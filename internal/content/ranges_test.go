package content

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestRangesAddRemove(t *testing.T) {
	type op struct {
		add      bool
		from, to int64
	}
	for _, c := range []struct {
		what string
		ops  []op
		want []Range
	}{
		{"apart", []op{{true, 5, 9}, {true, 1, 3}}, []Range{{1, 3}, {5, 9}}},
		{"touching", []op{{true, 1, 3}, {true, 5, 9}, {true, 3, 5}}, []Range{{1, 9}}},
		{"over several", []op{{true, 1, 3}, {true, 5, 6}, {true, 8, 9}, {true, 2, 8}}, []Range{{1, 9}}},
		{"within", []op{{true, 1, 9}, {true, 3, 4}}, []Range{{1, 9}}},
		{"empty", []op{{true, 4, 4}, {true, 5, 3}}, nil},
		{"hole", []op{{true, 1, 9}, {false, 3, 4}}, []Range{{1, 3}, {4, 9}}},
		{"ends off", []op{{true, 1, 9}, {false, 0, 2}, {false, 8, 20}}, []Range{{2, 8}}},
		{"all off", []op{{true, 1, 3}, {true, 5, 9}, {false, 0, 10}}, nil},
		{"nothing off", []op{{true, 1, 3}, {false, 3, 3}, {false, 4, 9}}, []Range{{1, 3}}},
	} {
		var r Ranges
		for _, o := range c.ops {
			if o.add {
				r.Add(o.from, o.to)
			} else {
				r.Remove(o.from, o.to)
			}
		}
		if got := slices.Collect(r.All()); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
		if r.IsEmpty() != (len(c.want) == 0) {
			t.Errorf("%s: IsEmpty is %v", c.what, r.IsEmpty())
		}
	}
}

// TestRangesModel holds the set against a plain array of bools.
func TestRangesModel(t *testing.T) {
	const size = 60
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var r, other Ranges
		var model [size]bool
		for range 30 {
			from := rng.Int64N(size)
			to := from + rng.Int64N(size-from+1)
			add := rng.IntN(3) > 0
			switch {
			case !add:
				r.Remove(from, to)
			case rng.IntN(2) == 0:
				r.Add(from, to)
			default:
				other = Ranges{}
				other.Add(from, to)
				r.AddAll(other)
			}
			for i := from; i < to; i++ {
				model[i] = add
			}
		}
		var total int64
		for i := range int64(size) {
			if model[i] {
				total++
			}
			if r.Contains(i, i+1) != model[i] {
				t.Fatalf("position %d of %v is %v", i, r, !model[i])
			}
		}
		if r.Total() != total {
			t.Fatalf("total of %v is %d, want %d", r, r.Total(), total)
		}
		from := rng.Int64N(size)
		to := from + rng.Int64N(size-from+1)
		if want := !slices.Contains(model[from:to], false); r.Contains(from, to) != want {
			t.Fatalf("%v contains %d to %d is %v", r, from, to, !want)
		}
		for i, x := range r.runs {
			if x.From >= x.To || i > 0 && r.runs[i-1].To >= x.From {
				t.Fatalf("runs %v are not the fewest", r.runs)
			}
		}
		b := r.Append([]byte("x"))
		got, rest, err := ParseRanges(append(b[1:], "rest"...))
		if err != nil || string(rest) != "rest" || !slices.Equal(got.runs, r.runs) {
			t.Fatalf("%v comes back as %v, %q, %v", r, got, rest, err)
		}
		c := r.Clone()
		c.Add(0, size)
		if r.Total() != total {
			t.Fatal("a clone is not apart from what it was made of")
		}
	}
}

func TestParseRangesRefuses(t *testing.T) {
	for _, b := range [][]byte{
		{}, {1}, {1, 0}, {1, 0, 0}, {2, 0, 1, 0, 1}, {0x80},
		{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1},
		{1, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10},
		{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0, 1},
	} {
		if r, _, err := ParseRanges(b); !errors.Is(err, ErrRanges) {
			t.Errorf("%x is read as %v, %v", b, r, err)
		}
	}
}

func FuzzParseRanges(f *testing.F) {
	f.Add([]byte{0})
	f.Add([]byte{2, 0, 5, 3, 2, 'x'})
	f.Add([]byte{1, 0xff, 0x01, 0x80, 0x01})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, rest, err := ParseRanges(b)
		if err != nil {
			return
		}
		again, tail, err := ParseRanges(append(r.Append(nil), rest...))
		if err != nil || !bytes.Equal(tail, rest) || !slices.Equal(again.runs, r.runs) {
			t.Fatalf("%v comes back as %v, %v", r, again, err)
		}
	})
}
