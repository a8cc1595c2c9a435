package portmap

import (
	"errors"
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/natpmp"
)

// natpmpDialect is NAT-PMP, which knows IPv4 only.
type natpmpDialect struct {
	cfg   *Config
	epoch epoch
}

func (d *natpmpDialect) protocol() Protocol { return NATPMP }

func (d *natpmpDialect) ask(q question) []Out {
	var b []byte
	switch q.kind {
	case find, look:
		b = natpmp.AppendExternalAddress(nil)
	case add:
		b = natpmp.Mapping{Op: opOf(q.transport), Internal: d.cfg.Port, Suggested: q.external.Port(), Lifetime: mapLifetime}.Append(nil)
	case remove:
		// RFC 6886: "The Suggested External Port MUST be set to zero by the client on sending".
		b = natpmp.Mapping{Op: opOf(q.transport), Internal: d.cfg.Port}.Append(nil)
	}
	return []Out{{To: netip.AddrPortFrom(d.cfg.Router, natpmp.Port), Datagram: b}}
}

func opOf(t Transport) natpmp.Op {
	if t == UDP {
		return natpmp.MapUDP
	}
	return natpmp.MapTCP
}

// hasty is the patience of who asks the last time.
var hasty = []time.Duration{250 * time.Millisecond, 500 * time.Millisecond}

// patience doubles from 250 ms on, as RFC 6886 has it, but not for its 64 seconds.
func (d *natpmpDialect) patience(q question) []time.Duration {
	if q.kind == remove {
		return hasty
	}
	return []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second, time.Second}
}

func (d *natpmpDialect) renewal(lifetime time.Duration) time.Duration { return half(lifetime) }

func (d *natpmpDialect) hear(now time.Time, q *question, from netip.AddrPort, b []byte) (r reply, ok, lost bool) {
	// RFC 6886: the client "MUST check the source IP address, and silently discard the packet if the address is not the
	// address of the gateway to which the request was sent".
	if !sameHost(from.Addr(), d.cfg.Router) || from.Port() != natpmp.Port {
		return reply{}, false, false
	}
	a, err := natpmp.Parse(b)
	if err != nil {
		return reply{}, false, false
	}
	if a.Result == natpmp.Success {
		lost = d.epoch.natpmp(now, a.Epoch)
	}
	if q == nil {
		return reply{}, false, lost
	}
	want := natpmp.ExternalAddress
	if q.kind == add || q.kind == remove {
		want = opOf(q.transport)
	}
	switch {
	case a.Op != want:
	case a.Result != natpmp.Success:
		return reply{outcome: refused, why: errors.New(a.Result.String())}, true, lost
	case want == natpmp.ExternalAddress:
		if a.Address.IsUnspecified() {
			return reply{outcome: refused, why: errOffline}, true, lost
		}
		return reply{address: a.Address}, true, lost
	case a.Internal != d.cfg.Port:
	case (a.Lifetime == 0) != (q.kind == remove):
		return reply{outcome: refused, why: errNoTime}, true, lost
	default:
		return reply{external: netip.AddrPortFrom(netip.Addr{}, a.External), lifetime: time.Duration(a.Lifetime) * time.Second}, true, lost
	}
	return reply{}, false, lost
}

func (d *natpmpDialect) called(question, []byte, error) reply {
	return reply{outcome: refused, why: errBadWords}
}
