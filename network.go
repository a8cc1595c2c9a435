package potluck

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/potluck-p2p/potluck/internal/inspect"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/bind"
	"github.com/potluck-p2p/potluck/internal/netx/proxy"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

// Network is a part of the only way by which a node sends: an interface or a proxy.
type Network struct {
	Via     string // the interface or its address, or the proxy without its password
	Problem string // why nothing is sent at present, as "is down"; empty if all is well
	TCPOnly string // why datagrams do not get through, and so neither uTP, nor the DHT, nor UDP trackers; empty if they do
}

// Network are the parts of the way that [Options] confine the node to; none if they do not.
func (n *Node) Network() []Network {
	var list []Network
	for _, c := range n.n.Conditions() {
		list = append(list, Network{Via: c.Via, Problem: c.Problem, TCPOnly: c.Streams})
	}
	return list
}

// way is the network that options ask for, and what ends with it.
type way struct {
	netx.Network
	parts []io.Closer // the last was made last
}

// network makes the way, and opens nothing yet.
func (opt Options) network() (*way, error) {
	source, _ := named(opt.Listen)
	w := &way{}
	if opt.NoNetwork {
		w.Network = netx.System(netx.Options{}) // which nobody asks for anything
		return w, nil
	}
	if opt.Bind != "" {
		n := bind.New(bind.Config{To: opt.Bind, NameServers: opt.NameServers})
		w.Network, w.parts = n, append(w.parts, n)
	} else {
		w.Network = netx.System(netx.Options{Source: source})
	}
	if opt.Proxy != "" {
		server, err := proxy.Parse(opt.Proxy)
		if err != nil {
			w.close()
			return nil, &Error{Code: CodeUsage, Message: fmt.Sprintf("the proxy %v", err),
				Hint: "set Options.Proxy as in socks5://127.0.0.1:1080", Exit: ExitUsage}
		}
		n := proxy.New(proxy.Config{Network: w.Network, Server: server, Panicked: opt.panicked})
		w.Network, w.parts = n, append(w.parts, n)
	}
	return w, nil
}

// panicked is told of a panic in the way that was contained.
func (opt Options) panicked(p any) {
	if opt.Log != nil {
		opt.Log.Error("internal error, contained", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	}
}

func (w *way) close() {
	for len(w.parts) > 0 {
		last := len(w.parts) - 1
		_ = w.parts[last].Close()
		w.parts = w.parts[:last]
	}
}

// Inspect is [Inspect] by the way that the options confine a node to.
func (opt Options) Inspect(ctx context.Context, link string) (Torrent, error) {
	w, err := opt.network()
	if err != nil {
		return Torrent{}, err
	}
	defer w.close()
	userAgent := "potluck/" + Version
	if opt.Anonymous {
		userAgent = ""
	}
	t, l, err := inspect.Link(ctx, vfs.OS(), w.Network, userAgent, link)
	switch {
	case err != nil:
		return Torrent{}, errorOf(err)
	case t != nil:
		return torrentOf(t), nil
	}
	return linkOf(l), nil
}
