package netxtest

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/mux"
)

// LAN puts hosts into one local network, out of any other they were in: what one of them sends to a multicast group, the
// others hear. A host that is in none hears itself only.
func (w *World) LAN(hosts ...*Host) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lans++
	for _, h := range hosts {
		h.lan = w.lans
	}
}

var _ netx.Multicaster = (*Host)(nil)

// ListenMulticast joins a group in the host's local network. See [netx.Multicaster].
func (h *Host) ListenMulticast(_ context.Context, group netip.AddrPort) (netx.MulticastConn, error) {
	i := slices.IndexFunc(h.addrs, func(a netip.Addr) bool { return a.Is4() == group.Addr().Is4() })
	if i < 0 {
		return nil, listenError("udp", group, netx.ErrNoMulticast)
	}
	if !group.Addr().IsMulticast() {
		return nil, listenError("udp", group, syscall.EINVAL)
	}
	h.mu.Lock()
	from := netip.AddrPortFrom(h.addrs[i], h.port())
	h.mu.Unlock()
	m := &member{Inbox: mux.NewInbox(udpQueue), host: h, group: group, from: from}
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	h.world.groups[group] = append(h.world.groups[group], m)
	return m, nil
}

// member is a host's membership in a group.
type member struct {
	*mux.Inbox
	host  *Host
	group netip.AddrPort
	from  netip.AddrPort
}

// Send delivers to all members in the local network. See [netx.MulticastConn].
func (m *member) Send(p []byte) error {
	w := m.host.world
	w.mu.Lock()
	members := slices.Clone(w.groups[m.group])
	members = slices.DeleteFunc(members, func(o *member) bool {
		return o.host != m.host && (o.host.lan == 0 || o.host.lan != m.host.lan)
	})
	w.mu.Unlock()
	if !slices.Contains(members, m) {
		return net.ErrClosed
	}
	data := slices.Clone(p)
	for _, o := range members {
		switch link := w.link(m.host, o.host); {
		case link.Cut || w.lost(link.Loss):
		case link.Delay > 0:
			time.AfterFunc(link.Delay, func() { o.Put(data, m.from) })
		default:
			o.Put(data, m.from)
		}
	}
	return nil
}

// Close ends the membership. See [netx.MulticastConn].
func (m *member) Close() error {
	w := m.host.world
	w.mu.Lock()
	w.groups[m.group] = slices.DeleteFunc(w.groups[m.group], func(o *member) bool { return o == m })
	w.mu.Unlock()
	return m.Inbox.Close()
}
