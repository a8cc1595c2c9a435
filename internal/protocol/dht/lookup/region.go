package lookup

import (
	"encoding/binary"
	"math"

	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// farness is the distance from a target in units of 2^-64 of all there is: its first 64 bits, which no network fills.
func farness(target, id krpc.ID) uint64 {
	return binary.BigEndian.Uint64(target[:8]) ^ binary.BigEndian.Uint64(id[:8])
}

// whole is the distance of everything, in units of farness.
const whole = float64(1<<63) * 2

// A region is all that is nearer to the target than a limit. Sybils around a key push honest nodes out of the k nearest, but
// not out of the region: it is drawn by how dense the network is elsewhere.
type region struct{ limit uint64 }

// regionOf is the region that holds so many nodes on average, in a network of so many. It is empty if that is not known.
func regionOf(want int, nodes float64) region {
	if nodes <= 0 {
		return region{}
	}
	if share := float64(want) / nodes; share < 1 {
		return region{uint64(share * whole)}
	}
	return region{math.MaxUint64}
}

func (r region) holds(c *candidate) bool { return c.far < r.limit }
