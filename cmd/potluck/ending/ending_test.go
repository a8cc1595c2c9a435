package ending

import "testing"

// Many failures of one command are one exit code.
func TestTally(t *testing.T) {
	for _, c := range []struct {
		ok    int
		codes []int
		want  error
	}{{1, nil, nil}, {0, nil, nil}, {1, []int{7}, Exit(3)}, {0, []int{7, 4}, Exit(7)}} {
		count := Tally{OK: c.ok}
		for _, code := range c.codes {
			count.Failed(code)
		}
		if got := count.Exit(); got != c.want {
			t.Errorf("%+v ends with %v", c, got)
		}
	}
}
