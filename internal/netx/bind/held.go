package bind

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/reopen"
)

// held is a socket or a listener of the system that is opened again when it has to be, and outlives the interface.
type held[S interface {
	comparable
	io.Closer
}] struct {
	n      *Network
	place  *reopen.Place[S] // empty before the interface has come
	listen func(nw netx.Network, local netip.AddrPort) (s S, port uint16, err error)

	mu     sync.Mutex
	local  netip.AddrPort
	paused bool // since the interface is gone
}

func (h *held[S]) open(nw netx.Network) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var none S
	if s, err := h.place.Now(); err != nil || s != none || isMissing(nw, h.local) {
		return nil
	}
	s, port, err := h.listen(nw, h.local)
	if err != nil {
		return err
	}
	h.local = netip.AddrPortFrom(h.local.Addr(), port)
	h.place.Put(s)
	return nil
}

// pause leaves what is open to the kernel: nothing and nobody comes by an interface that is gone.
func (h *held[S]) pause() { h.setPaused(true) }
func (h *held[S]) goOn()  { h.setPaused(false) }

func (h *held[S]) setPaused(paused bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.paused = paused
}

func (h *held[S]) lose() {
	h.goOn()
	var none S
	if s := h.place.Put(none); s != none {
		_ = s.Close()
	}
}

// now is what is open, if the interface is there; the zero S if it is not.
func (h *held[S]) now() (s S, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s, err = h.place.Now(); h.paused {
		var none S
		s = none
	}
	return s, err
}

// at is where it was to be opened, with the port that it has.
func (h *held[S]) at() netip.AddrPort {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.local
}

func (h *held[S]) Close() error {
	h.n.drop(h)
	var none S
	last, err := h.place.Close()
	if err != nil || last == none {
		return err
	}
	return last.Close()
}

// hold opens what is to be opened again whenever the interface comes.
func (n *Network) hold(h holding, local netip.AddrPort) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.closed:
		return net.ErrClosed
	case n.present == nil && local.Port() == 0:
		return n.gone()
	case n.present != nil && local.Port() == 0 && isMissing(n.present.network, local):
		return fmt.Errorf("%s has no address to listen at %v: %w", n.cfg.To, local.Addr(), syscall.EADDRNOTAVAIL)
	case n.present != nil:
		if err := h.open(n.present.network); err != nil {
			return err
		}
	}
	n.held[h] = struct{}{}
	return nil
}

func (n *Network) drop(h holding) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.held, h)
}

// isMissing reports whether the interface lacks an address that is to be listened at, which is not amiss: it may get one.
func isMissing(nw netx.Network, local netip.AddrPort) bool {
	addrs, err := nw.Addrs()
	if err != nil {
		return false
	}
	for _, a := range addrs {
		if a == local.Addr() || local.Addr().IsUnspecified() && a.Is4() == local.Addr().Is4() {
			return false
		}
	}
	return true
}
