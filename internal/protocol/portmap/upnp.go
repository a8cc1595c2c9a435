package portmap

import (
	"errors"
	"net/netip"
	"net/url"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/upnp"
)

// upnpDialect is UPnP, which knows IPv4 only. To find the router takes three steps: it is searched, describes itself, and is
// asked for its address by each of its services until one has one.
type upnpDialect struct {
	cfg      *Config
	step     step
	location string // where it describes itself
	at       netip.Addr
	services []upnp.Service // those that are left; the first is used
	// endless says that the router knows no leases.
	endless bool
}

type step uint8

const (
	searching step = iota
	describing
	addressing
)

// upnpLease is what is asked for, in seconds. A router that was switched off says nothing of it, so that mappings are added
// anew often; see upnpRenewal.
const upnpLease = 3600

// upnpRenewal is how often a mapping is added anew at least.
const upnpRenewal = 10 * time.Minute

// endlessLifetime stands for that of a mapping without lease.
const endlessLifetime = 24 * time.Hour

// maxLocation bounds a URL of a router, in bytes.
const maxLocation = 512

func (d *upnpDialect) protocol() Protocol { return UPnP }

func (d *upnpDialect) ask(q question) []Out {
	if q.kind == find && d.step == searching {
		d.location, d.services = "", nil
		// Asked alone a router answers to this one question; many do not, and are asked with everybody.
		var out []Out
		for _, to := range []netip.AddrPort{upnp.Group, netip.AddrPortFrom(d.cfg.Router, upnp.Group.Port())} {
			for _, target := range upnp.Gateways {
				out = append(out, Out{To: to, Datagram: upnp.AppendSearch(nil, to, target)})
			}
		}
		return out
	}
	if q.kind == find && d.step == describing {
		return d.call(d.location, "", nil)
	}
	s := d.services[0]
	switch q.kind {
	case add:
		return d.call(s.ControlURL, upnp.Header(s.Type, upnp.AddPortMapping), d.mapping(q).AppendAdd(nil, s.Type))
	case remove:
		return d.call(s.ControlURL, upnp.Header(s.Type, upnp.DeletePortMapping), d.mapping(q).AppendDelete(nil, s.Type))
	}
	return d.call(s.ControlURL, upnp.Header(s.Type, upnp.GetExternalIPAddress), upnp.AppendGetExternal(nil, s.Type))
}

func (d *upnpDialect) call(url, action string, body []byte) []Out {
	return []Out{{Call: &Call{URL: url, At: d.at, Action: action, Body: body}}}
}

func (d *upnpDialect) mapping(q question) upnp.Mapping {
	m := upnp.Mapping{
		Protocol: upnp.TCP, External: q.external.Port(), Internal: netip.AddrPortFrom(d.cfg.Source, d.cfg.Port),
		Description: d.cfg.Description, Lease: upnpLease,
	}
	if q.transport == UDP {
		m.Protocol = upnp.UDP
	}
	if d.endless {
		m.Lease = 0
	}
	return m
}

func (d *upnpDialect) patience(q question) []time.Duration {
	switch {
	case q.kind == find && d.step == searching:
		return []time.Duration{time.Second, time.Second, 2 * time.Second}
	case q.kind == remove:
		return []time.Duration{2 * time.Second}
	}
	return []time.Duration{10 * time.Second}
}

func (d *upnpDialect) renewal(lifetime time.Duration) time.Duration {
	return min(half(lifetime), upnpRenewal)
}

// hear takes the first answer to a search that comes from the router and leads to it.
func (d *upnpDialect) hear(_ time.Time, q *question, from netip.AddrPort, b []byte) (r reply, ok, lost bool) {
	if q == nil || q.kind != find || d.step != searching {
		return reply{}, false, false
	}
	who := from.Addr().Unmap().WithZone("")
	if !sameHost(who, d.cfg.Router) && !(d.cfg.Guessed && who.IsPrivate()) {
		return reply{}, false, false
	}
	location, err := upnp.ParseFound(b)
	if err != nil || !leadsTo(location, who) {
		return reply{}, false, false
	}
	d.location, d.at, d.step = location, who, describing
	return reply{outcome: further}, true, false
}

// leadsTo reports whether a URL is one of HTTP at an address: not at a name, nor anywhere else.
func leadsTo(raw string, at netip.Addr) bool {
	if len(raw) > maxLocation {
		return false
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" || u.User != nil {
		return false
	}
	host, err := netip.ParseAddr(u.Hostname())
	return err == nil && host == at
}

func (d *upnpDialect) called(q question, body []byte, err error) reply {
	if q.kind == find && d.step == describing {
		return d.described(body, err)
	}
	action := map[kind]string{find: upnp.GetExternalIPAddress, look: upnp.GetExternalIPAddress, add: upnp.AddPortMapping, remove: upnp.DeletePortMapping}[q.kind]
	var address netip.Addr
	if err == nil {
		address, err = upnp.ParseAnswer(body, action)
	}
	switch q.kind {
	case find:
		return d.addressed(address, err)
	case look:
		if err != nil || !address.IsValid() {
			return reply{outcome: refused, why: errOffline}
		}
		return reply{address: address}
	case add:
		return d.added(q, err)
	}
	return reply{}
}

// described takes the description, of which no service may lead elsewhere.
func (d *upnpDialect) described(body []byte, err error) reply {
	d.step = searching
	if err != nil {
		return reply{outcome: refused, why: err}
	}
	services, err := upnp.ParseDescription(body, d.location)
	if err != nil {
		return reply{outcome: refused, why: errBadWords}
	}
	for _, s := range services {
		if leadsTo(s.ControlURL, d.at) {
			d.services = append(d.services, s)
		}
	}
	if len(d.services) == 0 {
		return reply{outcome: refused, why: errors.New("the router offers no mappings")}
	}
	d.step = addressing
	return reply{outcome: further}
}

// addressed takes what a service says of its address. A router with several ways to the internet has a service for each, and
// uses one.
func (d *upnpDialect) addressed(address netip.Addr, err error) reply {
	if address.IsValid() {
		d.step = searching
		return reply{address: address}
	}
	if d.services = d.services[1:]; len(d.services) > 0 {
		return reply{outcome: further}
	}
	d.step = searching
	var format *upnp.FormatError
	switch {
	case err == nil:
		err = errOffline
	case errors.As(err, &format):
		err = errBadWords // the user is spared what is wrong with it
	}
	return reply{outcome: refused, why: err}
}

func (d *upnpDialect) added(q question, err error) reply {
	var fault upnp.Fault
	var format *upnp.FormatError
	switch {
	case err == nil:
		lifetime := time.Duration(upnpLease) * time.Second
		if d.endless {
			lifetime = endlessLifetime
		}
		return reply{external: q.external, lifetime: lifetime}
	case errors.As(err, &format):
		return reply{outcome: refused, why: errBadWords}
	case !errors.As(err, &fault):
		return reply{outcome: silent} // it may be starting
	case fault == upnp.ConflictInMappingEntry || fault == upnp.ConflictWithOtherMechanisms:
		return reply{outcome: taken}
	case fault != upnp.NotAuthorized && !d.endless:
		// 725, only permanent leases are supported, or what routers answer that do not know that.
		d.endless = true
		return reply{outcome: further}
	}
	return reply{outcome: refused, why: fault}
}
