package lookup

import (
	"cmp"
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
// makes one sample too large, and whoever leads a look-up astray one too small; that is why the estimate is the median, of one
// sample for each target.
type Density struct {
	samples []sample // a ring, the oldest is replaced
	next    int
}

// sample is how many nodes the network has as the latest look-up of a target saw it.
type sample struct {
	target krpc.ID
	nodes  float64
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
	s := sample{target, up / down}
	if i := slices.IndexFunc(d.samples, func(s sample) bool { return s.target == target }); i >= 0 {
		d.samples[i] = s
		return
	}
	if len(d.samples) < mostSamples {
		d.samples = append(d.samples, s)
		return
	}
	d.samples[d.next] = s
	d.next = (d.next + 1) % mostSamples
}

// Nodes is how many nodes the network is thought to have; 0 before anything was observed.
func (d *Density) Nodes() float64 {
	if len(d.samples) == 0 {
		return 0
	}
	sorted := slices.Clone(d.samples)
	slices.SortFunc(sorted, func(a, b sample) int { return cmp.Compare(a.nodes, b.nodes) })
	return sorted[(len(sorted)-1)/2].nodes
}
