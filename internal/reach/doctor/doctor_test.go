package doctor

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func addrs(texts ...string) (list []netip.Addr) {
	for _, t := range texts {
		list = append(list, netip.MustParseAddr(t))
	}
	return list
}

// home is a node behind a router that maps its port, which nobody has used yet.
func home(change ...func(*Facts)) Facts {
	f := Facts{
		Now: now, Listen: []netip.AddrPort{netip.MustParseAddrPort("192.168.1.9:6881"), netip.MustParseAddrPort("127.0.0.1:6881")},
		Local: addrs("127.0.0.1", "::1", "192.168.1.9", "fe80::1"), External: addrs("5.6.7.8"), Asks: true, UTP: true, TakesPart: true,
		Routers: []Router{{Addr: addrs("192.168.1.1")[0], Source: addrs("192.168.1.9")[0], Protocol: "UPnP", External: addrs("5.6.7.8")[0], TCP: 6881, UDP: 6881}},
		DHT:     []Node{{State: "joined", Known: 40}},
		Places:  []Place{{"home", "/home/u", 5e9, ""}}, OpenFiles: 20000, Peers: 200,
	}
	for _, c := range change {
		c(&f)
	}
	return f
}

func router(change func(*Router)) func(*Facts) {
	return func(f *Facts) { change(&f.Routers[0]) }
}

func TestExamine(t *testing.T) {
	tests := []struct {
		name  string
		facts Facts
		reach Reach
		want  []string // "subject level: part of what, why or advice"
	}{
		{"mapped, and the address is the one others see", home(), Reached, []string{
			"IPv4 address ok: others see 5.6.7.8, here it is 192.168.1.9", "IPv4 ok: the router lets others in at port 6881, by UPnP", "IPv6 warn: there is none",
			"DHT IPv4 ok: joined, knows 40 nodes", "clock ok: 2026-11-20 12:00:00", "home ok: 5.0 GB are free", "open files ok: 20000",
		}},
		{"others have connected", home(func(f *Facts) {
			f.Arrivals = []Arrivals{{Transport: TCP, Count: 3, Last: now.Add(-5 * time.Minute)}, {Transport: UTP}}
			f.Routers = nil
		}), Reached, []string{"IPv4 TCP ok: 3 times, the last 5 minutes ago"}},
		{"strangers ask in the DHT", home(func(f *Facts) {
			f.Routers, f.DHT[0].Standing, f.DHT[0].At = nil, Asked, now.Add(-3*time.Hour)
		}), Reached, []string{"IPv4 UDP ok: the last 3 hours ago"}},
		{"carrier-grade NAT", home(router(func(r *Router) { r.External = addrs("100.72.1.2")[0] })), Blocked, []string{
			"IPv4 bad: carrier-grade NAT", "IPv4 bad: ask the provider for an IPv4 address of your own",
		}},
		{"double NAT", home(router(func(r *Router) { r.External = addrs("192.168.0.2")[0] })), Blocked, []string{
			"IPv4 bad: double NAT", "IPv4 bad: forward TCP and UDP port 6881 to 192.168.0.2",
		}},
		{"something else is between", home(router(func(r *Router) { r.External = addrs("5.6.7.99")[0] })), Undecided, []string{
			"IPv4 warn: others see 5.6.7.8: something else is between",
		}},
		{"mapped, but a firewall", home(func(f *Facts) { f.DHT[0].Standing = NotAsked }), Blocked, []string{
			"IPv4 bad: allow TCP and UDP port 6881 in the firewall of this machine",
		}},
		{"mapped in part", home(router(func(r *Router) { r.UDP, r.Why = 0, "it refuses UDP" })), Reached, []string{
			"IPv4 warn: maps no UDP", "IPv4 warn: it refuses UDP", "IPv4 warn: forward UDP port 6881 to 192.168.1.9",
		}},
		{"the router refuses", home(router(func(r *Router) { *r = Router{Source: r.Source, Why: "UPnP is off"} })), Blocked, []string{
			"IPv4 bad: UPnP is off", "IPv4 bad: switch on UPnP",
		}},
		{"the router is being asked", home(router(func(r *Router) { *r = Router{Source: r.Source} })), Undecided, []string{"IPv4 unknown: is being asked"}},
		{"no router is asked", home(func(f *Facts) { f.Asks, f.Routers = false, nil }), Undecided, []string{"IPv4 unknown: net.port_mapping"}},
		{"no router answers", home(func(f *Facts) { f.Routers = nil }), Undecided, []string{
			"IPv4 unknown: no router was found", "IPv4 unknown: forward TCP and UDP port 6881 to 192.168.1.9",
		}},
		{"no router answers and nobody comes", home(func(f *Facts) { f.Routers, f.DHT[0].Standing = nil, NotAsked }), Blocked, []string{"IPv4 bad: no router was found"}},
		{"mapped, and nobody has said how we look", home(func(f *Facts) {
			f.External, f.Routers[0].External = nil, netip.Addr{}
		}), Undecided, []string{"IPv4 address unknown: not known", "IPv4 unknown: does not say which address"}},
		{"a server", home(func(f *Facts) {
			f.Local, f.Listen, f.Routers = addrs("5.6.7.8"), []netip.AddrPort{netip.MustParseAddrPort("5.6.7.8:6881")}, nil
		}), Undecided, []string{"IPv4 address ok: this machine's own", "IPv4 unknown: whether a firewall is before it"}},
		{"a server behind a closed firewall", home(func(f *Facts) {
			f.Local, f.Listen, f.Routers = addrs("5.6.7.8"), []netip.AddrPort{netip.MustParseAddrPort("5.6.7.8:6881")}, nil
			f.DHT[0].Standing = NotAsked
		}), Blocked, []string{"IPv4 bad: a firewall lets nobody in", "IPv4 bad: allow TCP and UDP port 6881"}},
		{"IPv6 only", home(func(f *Facts) {
			f.Local, f.External, f.Routers = addrs("::1", "fe80::1", "2a00:1::9"), addrs("2a00:1::9"), nil
			f.Listen = []netip.AddrPort{netip.MustParseAddrPort("[2a00:1::9]:6881")}
			f.DHT = []Node{{IPv6: true, State: "joined", Known: 1, Standing: Asked, At: now}}
		}), Reached, []string{"IPv4 warn: there is none", "IPv6 UDP ok: just now", "DHT IPv6 ok: knows 1 node"}},
		{"in no network", home(func(f *Facts) { f.Local, f.Listen, f.Routers, f.External = addrs("127.0.0.1"), nil, nil, nil }), Blocked, []string{
			"IPv4 bad: in no network", "IPv6 bad: in no network",
		}},
		{"IPv6 is not listened at", home(func(f *Facts) { f.Local = append(f.Local, addrs("2a00:1::9")...) }), Reached, []string{"IPv6 warn: peers are not accepted"}},
		{"through a proxy", home(func(f *Facts) {
			f.Proxied, f.Ways, f.DHT = true, []Way{{Via: "proxy 10.0.0.1:1080", TCPOnly: "it refuses"}}, nil
		}), Blocked, []string{
			"way warn: passes on TCP only", "reach warn: through a proxy connections only go out", "DHT bad: not taken part",
		}},
		{"the interface is down", home(func(f *Facts) { f.Ways = []Way{{Via: "wg0", Problem: "is down"}} }), Blocked, []string{
			"way bad: wg0 is down", "way bad: nothing is sent by any other way",
		}},
		{"through an interface", home(func(f *Facts) { f.Ways = []Way{{Via: "wg0"}} }), Reached, []string{"way ok: everything leaves by wg0"}},
		{"offline", home(func(f *Facts) { f.Offline = true }), NotIntended, []string{"reach unknown: leave --offline out"}},
		{"trackers", home(func(f *Facts) {
			f.Trackers = []Tracker{{"a.example", true, ""}, {"b.example", false, "timeout"}}
		}), Reached, []string{"trackers warn: 1 of 2 trackers answered", "trackers warn: b.example: timeout"}},
		{"no tracker answers", home(func(f *Facts) { f.Trackers = []Tracker{{"b.example", false, "timeout"}} }), Reached, []string{"trackers bad: 0 of 1 tracker"}},
		{"trackers are being asked", home(func(f *Facts) { f.Trackers = []Tracker{{URL: "b.example"}} }), Reached, []string{"trackers unknown: 0 of 1 tracker"}},
		{"the clock is years behind", home(func(f *Facts) { f.Now = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC) }), Reached, []string{"clock bad: 1970-01-01"}},
		{"the clock was ahead once", home(func(f *Facts) { f.Recorded = now.Add(time.Hour) }), Reached, []string{"clock bad: at 2026-11-20 13:00:00"}},
		{"no room, no right, no files", home(func(f *Facts) {
			f.Places = []Place{{"home", "/home/u", 5e6, ""}, {"downloads", "/d", -1, "permission denied"}, {"other", "/o", -1, ""}}
			f.OpenFiles = 256
		}), Reached, []string{"home warn: 5 MB are free", "downloads bad: permission denied", "other ok: /o can be written to", "open files warn: 256 may be open, for 200 peers"}},
		{"DHT alone", home(func(f *Facts) { f.DHT[0].State = "alone" }), Reached, []string{"DHT IPv4 warn: no other node has answered"}},
		{"DHT under way", home(func(f *Facts) { f.DHT[0].State = "joining" }), Reached, []string{"DHT IPv4 unknown: joining"}},
		{"DHT off", home(func(f *Facts) { f.TakesPart, f.DHT = false, nil }), Reached, []string{"DHT warn: switched off"}},
		{"nothing is known", Facts{Now: now}, Blocked, []string{"IPv4 bad: in no network"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list, reach := Examine(tt.facts)
			if reach != tt.reach {
				t.Errorf("%s, want %s", reach, tt.reach)
			}
			var all []string
			for _, f := range list {
				if f.Subject == "" || f.What == "" || (f.Level == Bad || f.Level == Warn) && f.Advice == "" && f.Why == "" {
					t.Errorf("it says too little: %+v", f)
				}
				all = append(all, fmt.Sprintf("%s %s: %s; %s; %s", f.Subject, f.Level, f.What, f.Why, f.Advice))
			}
			for _, want := range tt.want {
				head, part, _ := strings.Cut(want, ": ")
				found := false
				for _, line := range all {
					found = found || strings.HasPrefix(line, head+": ") && strings.Contains(line, part)
				}
				if !found {
					t.Errorf("no %q among\n%s", want, strings.Join(all, "\n"))
				}
			}
		})
	}
}
