package lookup

import (
	"slices"

	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

const (
	// mostSamples is how many look-ups the size of the network is judged by.
	mostSamples = 32
	// leastOfSample and mostOfSample are how many of the nearest nodes are looked at. A look-up need not have found all that are
	// farther away.
	leastOfSample, mostOfSample = 4, 8
)

// Density estimates how many nodes the network has, by how near to their targets look-ups came. Whoever surrounds a key
// makes one sample too large; that is why the estimate is a low quartile, and too low rather than too high: a region
// that is too wide costs questions, one that is too narrow loses what was kept.
type Density struct {
	samples []float64 // a ring, the oldest is replaced
	next    int
}

// Observe takes what a look-up of a target ended with, nearest first.
func (d *Density) Observe(target krpc.ID, closest []krpc.Node) {
	if len(closest) < leastOfSample {
		return
	}
	// The i-th nearest of n nodes is i/n away on average; n is what fits all of them best (least squares).
	var up, down float64
	for i, n := range closest[:min(len(closest), mostOfSample)] {
		rank := float64(i + 1)
		up += rank * rank
		down += rank * float64(farness(target, n.ID)) / whole
	}
	if down <= 0 {
		return
	}
	if len(d.samples) < mostSamples {
		d.samples = append(d.samples, 0)
	}
	d.samples[d.next] = up / down
	d.next = (d.next + 1) % mostSamples
}

// Nodes is how many nodes the network is thought to have; 0 before anything was observed.
func (d *Density) Nodes() float64 {
	if len(d.samples) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(d.samples))
	return sorted[len(sorted)/4]
}
