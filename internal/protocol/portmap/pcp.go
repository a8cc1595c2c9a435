package portmap

import (
	"errors"
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/natpmp"
	"github.com/potluck-p2p/potluck/internal/wire/pcp"
)

// pcpDialect is PCP. An IPv6 router has no addresses to translate: there a mapping is a hole in its firewall.
type pcpDialect struct {
	cfg   *Config
	epoch epoch
}

func (d *pcpDialect) protocol() Protocol { return PCP }

func (d *pcpDialect) router() netip.AddrPort { return netip.AddrPortFrom(d.cfg.Router, pcp.Port) }

func (d *pcpDialect) ask(q question) []Out {
	var b []byte
	switch q.kind {
	case find, look:
		b = pcp.AppendAnnounce(nil, d.cfg.Source)
	default:
		m := pcp.Mapping{
			Client: d.cfg.Source.WithZone(""), Nonce: d.cfg.Nonce, Protocol: ianaOf(q.transport), Internal: d.cfg.Port, Suggested: q.external,
		}
		if !m.Suggested.Addr().IsValid() {
			// RFC 6887: who "does not know the external address, or does not have a preference, ... MUST use the
			// address-family-specific all-zeros address".
			m.Suggested = netip.AddrPortFrom(unspecified(d.cfg.Source), q.external.Port())
		}
		if q.kind == add {
			m.Lifetime = mapLifetime
		}
		b = m.Append(nil)
	}
	return []Out{{To: d.router(), Datagram: b}}
}

func ianaOf(t Transport) uint8 {
	if t == UDP {
		return pcp.UDP
	}
	return pcp.TCP
}

func unspecified(a netip.Addr) netip.Addr {
	if a.Is4() {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

// patience begins shorter than the 3 seconds of RFC 6887: the router is one hop away, and most do not speak PCP.
func (d *pcpDialect) patience(q question) []time.Duration {
	if q.kind == remove {
		return hasty
	}
	return []time.Duration{time.Second, 2 * time.Second}
}

func (d *pcpDialect) renewal(lifetime time.Duration) time.Duration { return half(lifetime) }

func (d *pcpDialect) hear(now time.Time, q *question, from netip.AddrPort, b []byte) (r reply, ok, lost bool) {
	if !sameHost(from.Addr(), d.cfg.Router) || from.Port() != pcp.Port {
		return reply{}, false, false
	}
	a, err := pcp.Parse(b)
	if err != nil {
		// A router that speaks NAT-PMP alone says so in its own words: version 0 is not PCP.
		old, err := natpmp.Parse(b)
		if err == nil && old.Result == natpmp.UnsupportedVersion && q != nil {
			return reply{outcome: refused, why: errors.New(natpmp.UnsupportedVersion.String())}, true, false
		}
		return reply{}, false, false
	}
	if a.Result == pcp.Success {
		lost = d.epoch.pcp(now, a.Epoch)
	}
	if q == nil {
		return reply{}, false, lost
	}
	switch q.kind {
	case find, look:
		// One that does not know ANNOUNCE speaks PCP all the same.
		if a.Opcode != pcp.Announce {
			return reply{}, false, lost
		}
		if a.Result == pcp.UnsupportedVersion {
			return reply{outcome: refused, why: errors.New(a.Result.String())}, true, lost
		}
		return reply{}, true, lost
	}
	// By section 11.4 of RFC 6887 these tell to which request an answer belongs.
	if a.Opcode != pcp.Map || a.Nonce != d.cfg.Nonce || a.Protocol != ianaOf(q.transport) || a.Internal != d.cfg.Port {
		return reply{}, false, lost
	}
	switch {
	case a.Result == pcp.CannotProvideExternal:
		r = reply{outcome: taken}
	case a.Result != pcp.Success:
		r = reply{outcome: refused, why: errors.New(a.Result.String())}
	case (a.Lifetime == 0) != (q.kind == remove):
		// An answer to what was asked before, or a router that gives nothing.
		r = reply{outcome: refused, why: errNoTime}
	default:
		r = reply{external: a.External, address: a.External.Addr(), lifetime: time.Duration(a.Lifetime) * time.Second}
	}
	return r, true, lost
}

func (d *pcpDialect) called(question, []byte, error) reply {
	return reply{outcome: refused, why: errBadWords}
}
