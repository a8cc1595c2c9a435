package routes

import (
	"encoding/binary"
	"fmt"
	"math"
	"net"
	"net/netip"
	"syscall"
)

// Gateway asks the kernel for the router behind an interface, of the family of its network; the zero address if there is none. A
// link-local one names the interface.
func Gateway(ifi net.Interface, subnet netip.Prefix) (via netip.Addr, guessed bool, err error) {
	family := syscall.AF_INET6
	if subnet.Addr().Is4() {
		family = syscall.AF_INET
	}
	raw, err := syscall.NetlinkRIB(syscall.RTM_GETROUTE, family)
	if err != nil {
		return via, false, fmt.Errorf("ask for routes: %w", err)
	}
	messages, err := syscall.ParseNetlinkMessage(raw)
	if err != nil {
		return via, false, fmt.Errorf("ask for routes: %w", err)
	}
	least := uint64(math.MaxUint64)
	for _, m := range messages {
		if r, ok := parseRoute(&m, ifi); ok && uint64(r.metric) < least {
			via, least = r.via, uint64(r.metric)
		}
	}
	return via, false, nil
}

type defaultRoute struct {
	via    netip.Addr
	metric uint32
}

// sizeOfNexthop is that of struct rtnexthop: length, flags, hops, interface. See rtnetlink(7).
const sizeOfNexthop = 8

// parseRoute reads a message about a route; ok is false unless it is one to everywhere, by a router behind the interface.
func parseRoute(m *syscall.NetlinkMessage, ifi net.Interface) (r defaultRoute, ok bool) {
	if m.Header.Type != syscall.RTM_NEWROUTE || len(m.Data) < syscall.SizeofRtMsg {
		return r, false
	}
	// struct rtmsg: family, bits of destination and of source, tos, table, protocol, scope, type
	bits, kind := m.Data[1], m.Data[7]
	if bits != 0 || kind != syscall.RTN_UNICAST {
		return r, false
	}
	attrs, err := syscall.ParseNetlinkRouteAttr(m)
	if err != nil {
		return r, false
	}
	here := false
	for _, a := range attrs {
		switch {
		case a.Attr.Type == syscall.RTA_GATEWAY:
			r.via = address(a.Value, ifi)
		case a.Attr.Type == syscall.RTA_OIF && len(a.Value) == 4:
			here = here || binary.NativeEndian.Uint32(a.Value) == uint32(ifi.Index)
		case a.Attr.Type == syscall.RTA_PRIORITY && len(a.Value) == 4:
			r.metric = binary.NativeEndian.Uint32(a.Value)
		case a.Attr.Type == syscall.RTA_MULTIPATH:
			if via := nexthop(a.Value, ifi); via.IsValid() {
				r.via, here = via, true
			}
		}
	}
	return r, here && r.via.IsValid()
}

// nexthop finds the router behind the interface in a route with several.
func nexthop(b []byte, ifi net.Interface) netip.Addr {
	for len(b) >= sizeOfNexthop {
		size := int(binary.NativeEndian.Uint16(b))
		if size < sizeOfNexthop || size > len(b) {
			break
		}
		hop := b[sizeOfNexthop:size]
		if binary.NativeEndian.Uint32(b[4:]) == uint32(ifi.Index) {
			for len(hop) >= syscall.SizeofRtAttr {
				n, kind := int(binary.NativeEndian.Uint16(hop)), binary.NativeEndian.Uint16(hop[2:])
				if n < syscall.SizeofRtAttr || n > len(hop) {
					break
				}
				if kind == syscall.RTA_GATEWAY {
					return address(hop[syscall.SizeofRtAttr:n], ifi)
				}
				hop = hop[min(aligned(n), len(hop)):]
			}
		}
		b = b[min(aligned(size), len(b)):]
	}
	return netip.Addr{}
}

// aligned rounds up to the alignment of netlink.
func aligned(n int) int { return (n + 3) &^ 3 }

// address is one of a router; a link-local one is behind the interface.
func address(b []byte, ifi net.Interface) netip.Addr {
	a, ok := netip.AddrFromSlice(b)
	if !ok || a.IsUnspecified() {
		return netip.Addr{}
	}
	if a.Is6() && a.IsLinkLocalUnicast() {
		a = a.WithZone(ifi.Name)
	}
	return a
}
