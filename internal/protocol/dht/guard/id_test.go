package guard

import (
	"encoding/hex"
	"net/netip"
	"testing"

	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

func TestIDVectors(t *testing.T) {
	// The vectors of BEP 42.
	for ip, id := range map[string]string{
		"124.31.75.21": "5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401",
		"21.75.31.124": "5a3ce9c14e7a08645677bbd1cfe7d8f956d53256",
		"65.23.51.170": "a5d43220bc8f112a3d426c84764f8c2a1150e616",
		"84.124.73.14": "1b0321dd1bb1fe518101ceef99462b947a01ff41",
		"43.213.53.83": "e56f6cbf5b7c4be0237986d5243b87aa6d51305a",
	} {
		b, _ := hex.DecodeString(id)
		valid := krpc.ID(b)
		if !ValidID(valid, netip.MustParseAddr(ip)) {
			t.Errorf("%s at %s is not valid", id, ip)
		}
		if ValidID(valid, netip.MustParseAddr("124.31.75.22")) {
			t.Errorf("%s is valid anywhere", id)
		}
		for _, i := range []int{0, 1, 2, 19} {
			other := valid
			other[i] ^= 0x08 // the lowest of the 21 bits, and the lowest but those that count of the last byte
			if ValidID(other, netip.MustParseAddr(ip)) != (i == 19) {
				t.Errorf("byte %d of %s changed", i, id)
			}
		}
		other := valid
		other[19] ^= 1
		if ValidID(other, netip.MustParseAddr(ip)) {
			t.Errorf("r of %s changed", id)
		}
	}
}

func TestOurIDsAreValid(t *testing.T) {
	rng := seeded()
	for _, s := range []string{"1.2.3.4", "255.255.255.254", "::ffff:9.9.9.9", "2001:db8:85a3::8a2e:370:7334", "2a00::1"} {
		ip := netip.MustParseAddr(s)
		seen := map[krpc.ID]bool{}
		for range 100 {
			id := NewID(ip, rng)
			if seen[id] || !ValidID(id, ip) {
				t.Fatalf("%v at %v", id, ip)
			}
			seen[id] = true
		}
		prefixes := map[byte]bool{}
		for id := range seen {
			prefixes[id[0]] = true
		}
		if len(prefixes) < 4 || len(prefixes) > 8 {
			t.Errorf("%d places in the DHT for %v", len(prefixes), ip)
		}
	}
	if a, b := netip.MustParseAddr("2a00:1:2:3::1"), netip.MustParseAddr("2a00:1:2:3:ffff::9"); !ValidID(NewID(a, rng), b) {
		t.Error("more than the high 64 bits count")
	}
}

func TestLocalAddressesBindNothing(t *testing.T) {
	for _, s := range []string{"10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.1.1", "127.0.0.1", "::1", "fe80::1", "fd00::1"} {
		if !ValidID(NewID(netip.Addr{}, seeded()), netip.MustParseAddr(s)) {
			t.Error(s)
		}
	}
	if !ValidID(NewID(netip.Addr{}, seeded()), netip.Addr{}) {
		t.Error("an address that is not known")
	}
}
