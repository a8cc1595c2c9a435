package inspect

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/identity"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/urls"
)

// CheckTrackers refuses what a user named as a tracker and is none.
func CheckTrackers(named []string) error {
	for _, u := range named {
		if _, err := (urls.Guard{Purpose: urls.ForTracker, Trusted: true}).Parse(u); err != nil {
			return fault.Usage("not a tracker: "+err.Error(), "give an http, https or udp URL", err)
		}
	}
	return nil
}

// CheckWebSeeds refuses what a user named as a web seed and is none.
func CheckWebSeeds(named []string) error {
	for _, u := range named {
		if _, err := (urls.Guard{Purpose: urls.ForWebSeed, Trusted: true}).Parse(u); err != nil {
			return fault.Usage("not a web seed: "+err.Error(), "give an http or https URL", err)
		}
	}
	return nil
}

// Tiers makes each tracker a tier of its own.
func Tiers(named []string) [][]string {
	var t [][]string
	for _, u := range named {
		t = append(t, []string{u})
	}
	return t
}

// Peer is an address, and the key that whoever is there must prove; the zero key if it may be anybody.
type Peer struct {
	Addr netip.AddrPort
	Key  identity.Key
}

// PeerText is what is read as one by ResolvePeer.
func PeerText(key identity.Key, hostPort string) string {
	if key.IsZero() {
		return hostPort
	}
	return key.String() + "@" + hostPort
}

// ResolvePeers turns what the user typed as HOST:PORT or KEY@HOST:PORT into addresses.
func ResolvePeers(ctx context.Context, nw netx.Network, typed []string) ([]Peer, error) {
	var list []Peer
	for _, h := range typed {
		found, err := ResolvePeer(ctx, nw, h)
		var unknown *unknownHostError
		switch {
		case errors.Is(err, netx.ErrFarName):
			return nil, fmt.Errorf("the peer %s was not looked up: %w", h, netx.ErrFarName)
		case errors.As(err, &unknown):
			return nil, fault.New(fault.ExitBlocked, "unknown-host", fmt.Sprintf("the peer %s was not found: %v", h, err),
				"check the name and the network, or give the peer's IP address", err)
		case err != nil:
			return nil, fault.Usage(fmt.Sprintf("cannot understand the peer %s: %v", h, err), "give HOST:PORT, or KEY@HOST:PORT", err)
		}
		list = append(list, found...)
	}
	return list, nil
}

// unknownHostError is a name for which no address was found: not the user's mistake, it may be known at another time.
type unknownHostError struct{ error }

func (e *unknownHostError) Unwrap() error { return e.error }

// ResolvePeer is ResolvePeers for one.
func ResolvePeer(ctx context.Context, nw netx.Network, text string) ([]Peer, error) {
	var key identity.Key
	keyText, hostPort, pinned := strings.Cut(text, "@")
	if !pinned {
		hostPort = text
	} else if k, err := identity.ParseKey(keyText); err != nil {
		return nil, err
	} else {
		key = k
	}
	addrs, err := resolve(ctx, nw, hostPort)
	var list []Peer
	for _, a := range addrs {
		list = append(list, Peer{a, key})
	}
	return list, err
}

// resolve finds the addresses that HOST:PORT stands for.
func resolve(ctx context.Context, nw netx.Network, hostPort string) ([]netip.AddrPort, error) {
	if a, err := netip.ParseAddrPort(hostPort); err == nil {
		if a.Port() == 0 {
			return nil, errors.New("there is no port 0")
		}
		return []netip.AddrPort{a}, nil
	}
	i := strings.LastIndexByte(hostPort, ':')
	if i < 1 {
		return nil, errors.New("there is no port")
	}
	port, err := netip.ParseAddrPort("0.0.0.0" + hostPort[i:])
	if err != nil || port.Port() == 0 {
		return nil, errors.New("the port is no number from 1 to 65535")
	}
	ips, err := nw.LookupHost(ctx, hostPort[:i])
	if err != nil {
		return nil, &unknownHostError{err}
	}
	var list []netip.AddrPort
	for _, ip := range ips {
		list = append(list, netip.AddrPortFrom(ip, port.Port()))
	}
	return list, nil
}
