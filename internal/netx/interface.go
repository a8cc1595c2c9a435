package netx

import (
	"fmt"
	"net"
	"net/netip"
)

// Interface is one of this machine's.
type Interface struct {
	Name     string
	Index    int  // another one if it was made anew
	Up       bool // and there is a cable, or whatever stands for one
	Loopback bool
	Addrs    []netip.Addr // of the only one to be used, the first of each family is what we dial from
}

// Interfaces lists those of this machine.
func Interfaces() ([]Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	var list []Interface
	for _, i := range all {
		addrs, err := i.Addrs()
		if err != nil {
			continue // it is just gone
		}
		list = append(list, Interface{
			Name: i.Name, Index: i.Index, Loopback: i.Flags&net.FlagLoopback != 0,
			Up: i.Flags&net.FlagUp != 0 && i.Flags&net.FlagRunning != 0, Addrs: addrsOf(addrs),
		})
	}
	return list, nil
}

// addrsOf are the addresses in what the system lists of an interface.
func addrsOf(list []net.Addr) (addrs []netip.Addr) {
	for _, a := range list {
		if p, ok := subnetOf(a); ok {
			addrs = append(addrs, p.Addr())
		}
	}
	return addrs
}

// subnetOf is an address of an interface, with how much of it is that of its network; not a valid prefix if that is not told.
func subnetOf(a net.Addr) (netip.Prefix, bool) {
	p, ok := a.(*net.IPNet)
	if !ok {
		return netip.Prefix{}, false
	}
	addr, ok := netip.AddrFromSlice(p.IP)
	ones, bits := p.Mask.Size()
	addr = addr.Unmap()
	if bits != addr.BitLen() {
		ones = -1
	}
	return netip.PrefixFrom(addr, ones), ok
}

// interfaceOf finds the interface that has an address, and the network it is in there; nil if none has it.
func interfaceOf(a netip.Addr) (*net.Interface, netip.Prefix) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, netip.Prefix{}
	}
	for _, ifi := range all {
		list, _ := ifi.Addrs() // an interface that is just gone has none
		for _, n := range list {
			if p, ok := subnetOf(n); ok && p.Addr() == a {
				return &ifi, p
			}
		}
	}
	return nil, netip.Prefix{}
}
