package lookup

import (
	"net/netip"
	"testing"
)

// TestClaims: a look-up asks one node per /24 or /64, and few per network above that; who has failed makes room.
func TestClaims(t *testing.T) {
	for _, tt := range []struct {
		name  string
		asked []string
		lost  []string // of those asked
		then  string
		free  bool
	}{
		{"another network", []string{"20.1.1.1:1"}, nil, "20.1.2.1:1", true},
		{"the same /24", []string{"20.1.1.1:1"}, nil, "20.1.1.9:1", false},
		{"the same /24, lost", []string{"20.1.1.1:1"}, []string{"20.1.1.1:1"}, "20.1.1.9:1", true},
		{"a /24 with many lost", times("20.1.1.1:1", 8), times("20.1.1.1:1", 8), "20.1.1.9:1", false},
		{"a ninth in the same /16", spread("20.1.%d.1:1", 8), nil, "20.1.99.1:1", false},
		{"mapped into IPv6", []string{"[::ffff:20.1.1.1]:1"}, nil, "20.1.1.9:1", false},
		{"the same /64", []string{"[2001:db8::1]:1"}, nil, "[2001:db8::2:3]:1", false},
		{"another /64", []string{"[2001:db8::1]:1"}, nil, "[2001:db8:0:1::1]:1", true},
		{"a fifth in the same /48", spread("[2001:db8:0:%d::1]:1", 4), nil, "[2001:db8:0:99::1]:1", false},
		{"a 17th in the same /32", spread("[2001:db8:%d::1]:1", 16), nil, "[2001:db8:99::1]:1", false},
		{"local neighbours", []string{"127.0.0.1:1"}, nil, "127.0.0.1:2", true},
		{"a local endpoint", []string{"127.0.0.1:1"}, nil, "127.0.0.1:1", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			claims := newClaims()
			for _, a := range tt.asked {
				claims.take(at(a))
			}
			for _, a := range tt.lost {
				claims.release(at(a))
			}
			if got := claims.free(at(tt.then)); got != tt.free {
				t.Errorf("%s is free: %v", tt.then, got)
			}
		})
	}
}

func at(a string) *candidate { return &candidate{shares: sharesOf(netip.MustParseAddrPort(a))} }
