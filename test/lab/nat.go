package lab

import "fmt"

// NATKind is how a router translates addresses (RFC 4787 says mapping and filtering).
type NATKind string

const (
	// PortRestricted keeps the port of whom is inside towards everybody, and lets those answer to whom a packet was sent:
	// endpoint-independent mapping, address and port-dependent filtering. It is what Linux calls masquerading, and what most
	// homes have.
	PortRestricted NATKind = "port restricted"
	// FullCone does so too, and lets everybody in to a port (UDP) from which a packet was sent out.
	FullCone NATKind = "full cone"
	// Symmetric takes another port for each destination, and lets only that answer.
	Symmetric NATKind = "symmetric"
)

// mappings are the rules that give packets on their way out another source.
var mappings = map[NATKind]string{
	PortRestricted: "masquerade",
	Symmetric:      "masquerade fully-random",
	FullCone: `meta l4proto udp update @inside { udp sport : ip saddr . udp sport }
		masquerade`,
}

// NAT makes the host a router that hides the IPv4 addresses of one segment behind its own on the other. To the outside it is
// closed and mute: what is nobody's answer is dropped, of IPv6 as well, which is not translated. Hosts inside use different
// ports, so that each port can be kept.
func (h *Host) NAT(inside, outside *Segment, kind NATKind) {
	h.t.Helper()
	h.Forward()
	h.Rules(fmt.Sprintf(`
table inet closed {
	chain input {
		type filter hook input priority filter; policy accept;
		iifname %[2]q ct state established,related accept
		iifname %[2]q meta l4proto ipv6-icmp accept
		iifname %[2]q drop
	}
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state established,related accept
		ct status dnat accept
		iifname %[1]q accept
	}
}
table ip nat {
	map inside {
		type inet_service : ipv4_addr . inet_service
		flags dynamic,timeout
		timeout 10m
		size 1000
	}
	chain prerouting {
		type nat hook prerouting priority dstnat;
		iifname %[2]q meta l4proto udp dnat to udp dport map @inside
	}
	chain postrouting {
		type nat hook postrouting priority srcnat;
		oifname != %[2]q accept
		%[3]s
	}
}`, inside.name, outside.name, mappings[kind]))
}

// Forward makes the host a router between the segments that it has joined.
func (h *Host) Forward() {
	h.t.Helper()
	h.set("ipv4/ip_forward", "1")
	h.set("ipv6/conf/all/forwarding", "1")
}

// Rules gives nft rules to the host, such as a table that drops what a test does not want to pass.
func (h *Host) Rules(rules string) {
	h.t.Helper()
	h.obey(rules+"\n", "nft", "-f", "-")
}
