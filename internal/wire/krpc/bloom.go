package krpc

import (
	"crypto/sha1"
	"math"
	"math/bits"
	"net/netip"
)

// BloomSize is the length of a Bloom filter in bytes.
const BloomSize = 256

const (
	bloomBits   = BloomSize * 8
	bloomHashes = 2
)

// Bloom is a set of IP addresses (BEP 33) that tells about how many there are, and of which the union can be made: by adding
// what several nodes have counted, nobody is counted twice.
type Bloom [BloomSize]byte

// Insert adds an address: "Only IP addresses (v4 or v6) may be inserted".
func (f *Bloom) Insert(a netip.Addr) {
	hash := sha1.Sum(a.Unmap().AsSlice())
	for i := range bloomHashes {
		bit := (int(hash[2*i]) | int(hash[2*i+1])<<8) % bloomBits
		f[bit/8] |= 1 << (bit % 8)
	}
}

// Union adds all that is in other.
func (f *Bloom) Union(other *Bloom) {
	for i, b := range other {
		f[i] |= b
	}
}

// Estimate is about how many addresses were inserted. It means nothing above some 6,000.
//
// BEP 33: "c = min(m-1,countZeroBits(bloom))", "size = log(c /m) / (k * log(1 - 1/m))".
func (f *Bloom) Estimate() float64 {
	set := 0
	for _, b := range f {
		set += bits.OnesCount8(b)
	}
	zero := max(min(bloomBits-1, bloomBits-set), 1) // a full filter has no logarithm
	if set == 0 {
		return 0
	}
	return math.Log(float64(zero)/bloomBits) / (bloomHashes * math.Log(1-1.0/bloomBits))
}
