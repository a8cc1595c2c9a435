package guard

import (
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"net/netip"

	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// Masks of BEP 42, big-endian: "crc32c((ip & 0x030f3fff) | (r << 29))", and "crc32c((ip & 0x0103070f1f3f7fff) | (r << 61))" of
// the high 64 bits of an IPv6 address.
const (
	idMask4 = 0x030f3fff
	idMask6 = 0x0103070f1f3f7fff
	// idPrefix masks "the first (most significant) 21 bits" of the hash.
	idPrefix = 0xfffff800
)

// NewID picks an ID at random that BEP 42 allows for a node whose address is ip. An address that is not known (the zero value)
// or is of a local network binds nothing.
func NewID(ip netip.Addr, rng *rand.Rand) (id krpc.ID) {
	for i := 0; i < len(id); i += 4 {
		binary.BigEndian.PutUint32(id[i:], rng.Uint32())
	}
	if bindsID(ip) {
		hash := idHash(ip, id[krpc.IDSize-1])
		low := binary.BigEndian.Uint32(id[:]) &^ idPrefix
		binary.BigEndian.PutUint32(id[:], hash&idPrefix|low)
	}
	return id
}

// ValidID reports whether BEP 42 allows the node at ip to have this ID. "Any peer on a local network address is exempt".
func ValidID(id krpc.ID, ip netip.Addr) bool {
	return !bindsID(ip) || (binary.BigEndian.Uint32(id[:])^idHash(ip, id[krpc.IDSize-1]))&idPrefix == 0
}

func bindsID(ip netip.Addr) bool { return ip.IsValid() && !IsLocal(ip) }

// idHash is the hash of an address with the last byte of an ID, of which three bits count.
func idHash(ip netip.Addr, last byte) uint32 {
	var masked []byte
	r := uint64(last & 7)
	if ip = ip.Unmap(); ip.Is4() {
		b := ip.As4()
		masked = binary.BigEndian.AppendUint32(nil, binary.BigEndian.Uint32(b[:])&idMask4|uint32(r)<<29)
	} else {
		b := ip.As16()
		masked = binary.BigEndian.AppendUint64(nil, binary.BigEndian.Uint64(b[:8])&idMask6|r<<61)
	}
	return crc32.Checksum(masked, crc32.MakeTable(crc32.Castagnoli))
}
