package inspect

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/netx"
)

// CheckTrackers refuses what a user named as a tracker and is none.
func CheckTrackers(urls []string) error {
	for _, u := range urls {
		if _, err := (netx.Guard{Purpose: netx.ForTracker, Trusted: true}).Parse(u); err != nil {
			return fault.Usage("not a tracker: "+err.Error(), "give an http, https or udp URL", err)
		}
	}
	return nil
}

// CheckWebSeeds refuses what a user named as a web seed and is none.
func CheckWebSeeds(urls []string) error {
	for _, u := range urls {
		if _, err := (netx.Guard{Purpose: netx.ForWebSeed, Trusted: true}).Parse(u); err != nil {
			return fault.Usage("not a web seed: "+err.Error(), "give an http or https URL", err)
		}
	}
	return nil
}

// Tiers makes each tracker a tier of its own.
func Tiers(urls []string) [][]string {
	var t [][]string
	for _, u := range urls {
		t = append(t, []string{u})
	}
	return t
}

// ResolvePeers turns what the user typed as HOST:PORT into addresses.
func ResolvePeers(ctx context.Context, nw netx.Network, typed []string) ([]netip.AddrPort, error) {
	var list []netip.AddrPort
	for _, h := range typed {
		addrs, err := ResolvePeer(ctx, nw, h)
		var unknown *unknownHostError
		switch {
		case errors.As(err, &unknown):
			return nil, fault.New(fault.ExitBlocked, "unknown-host", fmt.Sprintf("the peer %s was not found: %v", h, err),
				"check the name and the network, or give the peer's IP address", err)
		case err != nil:
			return nil, fault.Usage(fmt.Sprintf("cannot understand the peer %s: %v", h, err), "give HOST:PORT", err)
		}
		list = append(list, addrs...)
	}
	return list, nil
}

// unknownHostError is a name for which no address was found: not the user's mistake, it may be known at another time.
type unknownHostError struct{ error }

func (e *unknownHostError) Unwrap() error { return e.error }

// ResolvePeer is ResolvePeers for one.
func ResolvePeer(ctx context.Context, nw netx.Network, hostPort string) ([]netip.AddrPort, error) {
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
