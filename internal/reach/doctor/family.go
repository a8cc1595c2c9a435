package doctor

import (
	"fmt"
	"net/netip"
	"slices"
)

func familyName(v6 bool) string {
	if v6 {
		return "IPv6"
	}
	return "IPv4"
}

// sharedByProvider are the addresses that a provider gives to customers who share one of the internet's (RFC 6598).
var sharedByProvider = netip.MustParsePrefix("100.64.0.0/10")

// isGlobal reports an address of the internet, as far as that can be told by its form.
func isGlobal(a netip.Addr) bool {
	return a.IsValid() && a.IsGlobalUnicast() && !a.IsPrivate() && !sharedByProvider.Contains(a)
}

// family looks at IPv4 or IPv6.
func (f *Facts) family(v6 bool) ([]Finding, Reach) {
	name := familyName(v6)
	own := f.own(v6)
	ports := f.ports(v6)
	switch {
	case len(own) == 0:
		return []Finding{f.absent(v6)}, Blocked
	case len(ports) == 0:
		return []Finding{{name, Warn, "peers are not accepted", "potluck listens at no address of " + name,
			"leave --listen out, or name an address of " + name + " too"}}, Blocked
	}
	addresses := f.addresses(v6, own)
	if found, r, ok := f.proof(v6); ok {
		return append(addresses, found...), r
	}
	found, r := f.entrance(v6, own, ports[0])
	return append(addresses, found), r
}

// own are the addresses of this machine that reach further than its link.
func (f *Facts) own(v6 bool) []netip.Addr {
	return slices.DeleteFunc(slices.Clone(f.Local), func(a netip.Addr) bool {
		return a.Unmap().Is6() != v6 || a.IsLoopback() || a.IsLinkLocalUnicast()
	})
}

// absent is a family that this machine does not have.
func (f *Facts) absent(v6 bool) Finding {
	if len(f.own(!v6)) == 0 {
		return Finding{familyName(v6), Bad, "this machine is in no network", "it has no address but its own",
			"connect it, or look at the network settings of the system"}
	}
	if v6 {
		return Finding{"IPv6", Warn, "there is none", "this machine has no address of IPv6",
			"nothing must be done; where the provider has it, it spares trouble with routers"}
	}
	return Finding{"IPv4", Warn, "there is none", "this machine has no address of IPv4", "nothing must be done: peers with IPv6 are reached"}
}

// ports are those at which peers are accepted.
func (f *Facts) ports(v6 bool) (list []uint16) {
	for _, l := range f.Listen {
		if l.Addr().Unmap().Is6() == v6 && !l.Addr().IsLoopback() && !slices.Contains(list, l.Port()) {
			list = append(list, l.Port())
		}
	}
	return list
}

// seen is our address as others see it.
func (f *Facts) seen(v6 bool) (netip.Addr, bool) {
	i := slices.IndexFunc(f.External, func(a netip.Addr) bool { return a.Unmap().Is6() == v6 })
	if i < 0 {
		return netip.Addr{}, false
	}
	return f.External[i].Unmap(), true
}

// addresses says how others see us.
func (f *Facts) addresses(v6 bool, own []netip.Addr) []Finding {
	subject := familyName(v6) + " address"
	seen, ok := f.seen(v6)
	switch {
	case !ok:
		return []Finding{{subject, Unknown, fmt.Sprintf("%v here; how others see it is not known", own[0]), "nobody has said it yet",
			"wait until some peers or trackers have answered, and ask again"}}
	case slices.Contains(own, seen):
		return []Finding{{subject, OK, fmt.Sprintf("%v, which is this machine's own", seen), "", ""}}
	}
	return []Finding{{subject, OK, fmt.Sprintf("others see %v, here it is %v", seen, own[0]), "a router or a VPN is between", ""}}
}

// proof says that strangers have reached us; ok if any have.
func (f *Facts) proof(v6 bool) (list []Finding, r Reach, ok bool) {
	name := familyName(v6)
	for _, a := range f.Arrivals {
		if a.IPv6 == v6 && a.Count > 0 {
			list = append(list, Finding{fmt.Sprintf("%s %s", name, a.Transport), OK,
				fmt.Sprintf("others connect to you: %s, the last %s", count(a.Count, "time"), ago(f.Now, a.Last)), "", ""})
		}
	}
	byTCP := slices.ContainsFunc(f.Arrivals, func(a Arrivals) bool { return a.IPv6 == v6 && a.Count > 0 && a.Transport == TCP })
	for _, n := range f.DHT {
		if n.IPv6 == v6 && n.Standing == Asked {
			list = append(list, Finding{name + " UDP", OK, "strangers ask your node in the DHT, the last " + ago(f.Now, n.At), "", ""})
			if !byTCP && len(f.Arrivals) > 0 && !f.UTP {
				list = append(list, Finding{name + " TCP", Unknown, "nobody has connected yet", "that UDP comes in does not say that TCP does",
					"let TCP in where UDP is let in, or allow uTP"})
			}
		}
	}
	return list, Reached, len(list) > 0
}

// entrance judges whether strangers could reach us, when none has yet.
func (f *Facts) entrance(v6 bool, own []netip.Addr, port uint16) (Finding, Reach) {
	name := familyName(v6)
	shielded := slices.ContainsFunc(f.DHT, func(n Node) bool { return n.IPv6 == v6 && n.Standing == NotAsked })
	seen, known := f.seen(v6)
	i := slices.IndexFunc(own, isGlobal)
	if i >= 0 && (!known || slices.Contains(own, seen)) {
		if shielded {
			return Finding{name, Bad, "nobody gets through to you", fmt.Sprintf("%v is an address of the internet, and a firewall lets nobody in", own[i]),
				fmt.Sprintf("allow TCP and UDP port %d in the firewalls of this machine and of the router", port)}, Blocked
		}
		return Finding{name, Unknown, "nobody has connected yet", fmt.Sprintf("%v is an address of the internet; whether a firewall is before it nobody has shown", own[i]),
			fmt.Sprintf("if it stays so, allow TCP and UDP port %d in the firewalls of this machine and of the router", port)}, Undecided
	}
	r, asked := f.router(v6)
	switch {
	case asked && r.Protocol != "" && (r.TCP != 0 || r.UDP != 0):
		return f.mapped(name, r, seen, shielded, port)
	case !f.Asks:
		return Finding{name, doubt(shielded), "the router was not asked to let others in", "net.port_mapping is off",
			forward(port, own[0]) + ", or switch net.port_mapping on"}, undecidedUnless(shielded)
	case asked && r.Why != "":
		return Finding{name, Bad, "the router lets nobody in", r.Why,
			"switch on UPnP, NAT-PMP or PCP in the router, or " + forward(port, own[0])}, Blocked
	case asked:
		return Finding{name, Unknown, "the router is being asked to let others in", "", "ask again in a minute"}, Undecided
	}
	return Finding{name, doubt(shielded), "no router was found that could let others in", fmt.Sprintf("%v is an address of a local network", own[0]),
		forward(port, own[0])}, undecidedUnless(shielded)
}

// mapped judges a router that says it lets others in.
func (f *Facts) mapped(name string, r Router, seen netip.Addr, shielded bool, port uint16) (Finding, Reach) {
	how := fmt.Sprintf("the router lets others in at port %d, by %s", max(r.TCP, r.UDP), r.Protocol)
	switch {
	case r.External.IsValid() && sharedByProvider.Contains(r.External):
		return Finding{name, Bad, "nobody gets through to you",
			fmt.Sprintf("%s, and has itself only %v: the provider has put many customers behind one address (carrier-grade NAT)", how, r.External),
			"ask the provider for an IPv4 address of your own, use IPv6, or a VPN that lets a port through; with uTP peers are met half-way"}, Blocked
	case r.External.IsValid() && !isGlobal(r.External):
		return Finding{name, Bad, "nobody gets through to you",
			fmt.Sprintf("%s, and has itself only %v: there is another router before it (double NAT)", how, r.External),
			fmt.Sprintf("make one of the two a mere bridge, or in the outer one forward TCP and UDP port %d to %v", max(r.TCP, r.UDP), r.External)}, Blocked
	case r.External.IsValid() && seen.IsValid() && r.External != seen:
		return Finding{name, Warn, "others may not get through to you",
			fmt.Sprintf("%s at %v, and others see %v: something else is between", how, r.External, seen),
			"if that is a VPN, have it let a port through, and confine potluck to it with net.bind"}, Undecided
	case shielded:
		return Finding{name, Bad, "nobody gets through to you", how + ", and no stranger comes through all the same",
			fmt.Sprintf("allow TCP and UDP port %d in the firewall of this machine", port)}, Blocked
	case r.TCP == 0 || r.UDP == 0:
		missing := "TCP"
		if r.UDP == 0 {
			missing = "UDP"
		}
		return Finding{name, Warn, "others get through to you in part: the router maps no " + missing, r.Why,
			fmt.Sprintf("forward %s port %d to %v in the router", missing, port, r.Source)}, Reached
	case !r.External.IsValid() && !seen.IsValid():
		return Finding{name, Unknown, how, "it does not say which address it has on the internet", "ask again when some peers have answered"}, Undecided
	}
	return Finding{name, OK, how, "its address on the internet is the one that others see", ""}, Reached
}

// router is the one before us in a family that says the most.
func (f *Facts) router(v6 bool) (Router, bool) {
	var best Router
	found := false
	for _, r := range f.Routers {
		if r.Source.Unmap().Is6() != v6 {
			continue
		}
		if !found || best.TCP == 0 && r.TCP != 0 {
			best, found = r, true
		}
	}
	return best, found
}

func doubt(shielded bool) Level {
	if shielded {
		return Bad
	}
	return Unknown
}

func undecidedUnless(shielded bool) Reach {
	if shielded {
		return Blocked
	}
	return Undecided
}

func forward(port uint16, to netip.Addr) string {
	return fmt.Sprintf("forward TCP and UDP port %d to %v in the router", port, to)
}
