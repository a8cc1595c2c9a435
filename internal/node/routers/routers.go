// Package routers has the routers before a node let others in at its port, and what the node says of itself follow what they give: the
// port that others are told, and the addresses that we seem to have.
package routers

import (
	"context"
	cryptorand "crypto/rand"
	"encoding/hex"
	"net/netip"
	"sync"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/node/object"
	protocol "github.com/potluck-p2p/potluck/internal/protocol/portmap"
	"github.com/potluck-p2p/potluck/internal/reach/portmap"
)

// nonceSetting is where the catalog keeps what routers know us by: after a crash they let nobody else change what is mapped.
const nonceSetting = "portmap-nonce"

// Config is what a Mapping is made of. All of it is required.
type Config struct {
	Rooms   *object.Rooms
	Running *sync.WaitGroup // knows what runs here
	// Name is what a router shows to its owner of what it maps.
	Name string
	// Moved is told that others reach us at another port from now on.
	Moved func()
}

// Mapping is what the routers map for a node. A nil Mapping maps nothing.
type Mapping struct {
	cfg    Config
	runner *portmap.Runner
}

// New makes the mapping of a node that routers know from its last run. None is asked before Begin.
func New(ctx context.Context, cfg Config) (*Mapping, error) {
	rooms := cfg.Rooms
	nonce, err := readNonce(ctx, rooms.Catalog)
	if err != nil {
		return nil, err
	}
	m := &Mapping{cfg: cfg}
	m.runner = portmap.New(portmap.Config{
		Network: rooms.Network, Port: rooms.Sockets.PortAt, Nonce: nonce, Description: cfg.Name, UserAgent: rooms.Client, Rand: rooms.Rand,
		Log: rooms.Log, Changed: m.changed, Panicked: rooms.Panicked,
	})
	return m, nil
}

// Begin asks the routers from now on, until the node ends.
func (m *Mapping) Begin() { m.cfg.Running.Go(func() { m.runner.Run(m.cfg.Rooms.Life) }) }

// Status describes the routers and what they map; none if they are not asked.
func (m *Mapping) Status() []protocol.Status {
	if m == nil {
		return nil
	}
	return m.runner.Status()
}

// readNonce is that of the last run, or drawn now.
func readNonce(ctx context.Context, c *catalog.Catalog) (nonce [12]byte, err error) {
	text, _, err := c.Setting(ctx, nonceSetting)
	if err != nil {
		return nonce, err
	}
	if saved, err := hex.DecodeString(text); err == nil && len(saved) == len(nonce) {
		return [12]byte(saved), nil
	}
	cryptorand.Read(nonce[:]) // never fails
	return nonce, c.SetSetting(ctx, nonceSetting, hex.EncodeToString(nonce[:]))
}

// changed takes what has become of the mappings. What others are told is one port for TCP and UDP, that of TCP, since peers are
// sought there first; of several routers it is that of the first, which is one of IPv4.
func (m *Mapping) changed() {
	var port uint16
	var addrs []netip.Addr
	for _, st := range m.runner.Status() {
		if netx.ScopeOf(st.Address) == netx.Global {
			addrs = append(addrs, st.Address)
		}
		for _, p := range st.Ports {
			if p.Transport == protocol.TCP && port == 0 {
				port = p.External.Port()
			}
		}
	}
	if m.cfg.Rooms.Mapped(port, addrs) {
		m.cfg.Moved()
	}
}
