package sim

import (
	"fmt"
	"testing"
)

func TestDump(t *testing.T) {
	s, _ := parseSeeds(*seedsFlag)
	for _, x := range s {
		p := NewPlan(x)
		fmt.Printf("%+v\n", p.Breaks)
		for i, n := range p.Nodes {
			fmt.Printf("%d %+v\n", i, n)
		}
	}
}
