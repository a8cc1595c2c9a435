package peer

import (
	"encoding/binary"
	"iter"
	"net/netip"

	"github.com/potluck-p2p/potluck/internal/wire/bencode"
)

// MaxPEX is how many added and how many dropped peers of one message are kept, both address families together. BEP 11:
// "Except for the initial PEX message the combined amount of added v4/v6 contacts should not exceed 50 entries".
const MaxPEX = 100

// PEXFlags is what the sender of a PEX message says about a peer that it is connected to.
type PEXFlags uint8

// The flags by their bits on the wire. All others are reserved.
const (
	PEXEncryption PEXFlags = 0x01 // prefers encryption
	PEXSeed       PEXFlags = 0x02 // is a seed, or only uploads
	PEXUTP        PEXFlags = 0x04 // speaks uTP
	PEXHolepunch  PEXFlags = 0x08 // speaks ut_holepunch
	PEXReachable  PEXFlags = 0x10 // the sender connected to it, not the other way round
)

// PEXPeer is a peer that the sender has connected to.
type PEXPeer struct {
	Addr  netip.AddrPort
	Flags PEXFlags
}

// PEX is a message of the extension ut_pex (BEP 11): what has changed among the peers that the sender is connected to. All
// of it is a stranger's claim.
//
// Its body is a dictionary of strings, each of which may be missing:
//
//	added      6 bytes for each peer: IPv4 address (4) | port (2)
//	added.f    flags (1) for each peer of added
//	added6     18 bytes for each peer: IPv6 address (16) | port (2)
//	added6.f   flags (1) for each peer of added6
//	dropped    like added
//	dropped6   like added6
type PEX struct {
	Added   []PEXPeer
	Dropped []netip.AddrPort
}

// ParsePEX parses the body of an extended message with the id we gave to ut_pex. Peers beyond MaxPEX are left out, as is
// what is no address: a peer without port, the cut rest of a string, IPv4 in IPv6 clothes.
func ParsePEX(body []byte) (PEX, error) {
	var m PEX
	v, _, err := bencode.ParsePrefix(body)
	if err != nil || v.Kind() != bencode.Dict {
		return m, ProtocolError("PEX message is no dictionary")
	}
	for _, list := range []struct {
		peers, flags string
		size         int
	}{{"added", "added.f", compact4}, {"added6", "added6.f", compact6}} {
		flags, _ := v.Get(list.flags).Bytes()
		for i, addr := range compact(v.Get(list.peers), list.size) {
			if len(m.Added) == MaxPEX {
				break
			}
			p := PEXPeer{Addr: addr}
			if i < len(flags) {
				p.Flags = PEXFlags(flags[i])
			}
			m.Added = append(m.Added, p)
		}
	}
	for _, list := range []struct {
		peers string
		size  int
	}{{"dropped", compact4}, {"dropped6", compact6}} {
		for _, addr := range compact(v.Get(list.peers), list.size) {
			if len(m.Dropped) == MaxPEX {
				break
			}
			m.Dropped = append(m.Dropped, addr)
		}
	}
	return m, nil
}

// The sizes of a peer in compact form.
const (
	compact4 = 4 + 2
	compact6 = 16 + 2
)

// compact reads the peers of a string, numbered as they stand in it. However many of them are none, no string is read
// further than twice as far as the peers that count could reach.
func compact(v bencode.Value, size int) iter.Seq2[int, netip.AddrPort] {
	b, _ := v.Bytes()
	return func(yield func(int, netip.AddrPort) bool) {
		for i := range min(len(b)/size, 2*MaxPEX) {
			p := b[i*size : (i+1)*size]
			ip, _ := netip.AddrFromSlice(p[:size-2])
			port := binary.BigEndian.Uint16(p[size-2:])
			if port == 0 || ip.Is4In6() || ip.IsUnspecified() {
				continue
			}
			if !yield(i, netip.AddrPortFrom(ip, port)) {
				return
			}
		}
	}
}

// AppendPEX appends the extended message m under the id that the receiver gave to ut_pex. BEP 11: "Messages must contain
// at least one of the following fields: added, added6, dropped, dropped6", so m must not be empty.
func AppendPEX(b []byte, id uint8, m PEX) []byte {
	b, start := beginExtended(b, id)
	w := bencode.BeginDict(b)
	appendAdded(&w, "added", "added.f", m.Added, netip.Addr.Is4)
	appendAdded(&w, "added6", "added6.f", m.Added, netip.Addr.Is6)
	appendDropped(&w, "dropped", m.Dropped, netip.Addr.Is4)
	appendDropped(&w, "dropped6", m.Dropped, netip.Addr.Is6)
	return endExtended(w.End(), start)
}

func appendAdded(w *bencode.DictWriter, key, flagsKey string, peers []PEXPeer, family func(netip.Addr) bool) {
	var addrs, flags []byte
	for _, p := range peers {
		if family(p.Addr.Addr()) {
			addrs = appendCompact(addrs, p.Addr)
			flags = append(flags, byte(p.Flags))
		}
	}
	if len(flags) > 0 {
		w.Bytes(key, addrs)
		w.Bytes(flagsKey, flags)
	}
}

func appendDropped(w *bencode.DictWriter, key string, peers []netip.AddrPort, family func(netip.Addr) bool) {
	var addrs []byte
	for _, p := range peers {
		if family(p.Addr()) {
			addrs = appendCompact(addrs, p)
		}
	}
	if len(addrs) > 0 {
		w.Bytes(key, addrs)
	}
}

func appendCompact(b []byte, p netip.AddrPort) []byte {
	b = append(b, p.Addr().AsSlice()...)
	return binary.BigEndian.AppendUint16(b, p.Port())
}
