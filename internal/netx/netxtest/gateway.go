package netxtest

import (
	"slices"

	"github.com/potluck-p2p/potluck/internal/netx"
)

var _ netx.Gatewayer = (*Host)(nil)

// SetGateways sets the routers of the host, instead of those it had.
func (h *Host) SetGateways(list ...netx.Gateway) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gateways = slices.Clone(list)
}

// Gateways are those that were set. See [netx.Gatewayer].
func (h *Host) Gateways() ([]netx.Gateway, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.gateways), nil
}
