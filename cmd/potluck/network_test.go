package main

import (
	"testing"

	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
)

func TestNetworkText(t *testing.T) {
	for want, parts := range map[string][]v1.Network{
		"":                                 nil,
		"\nNetwork  wg0, and no other way": {{Via: "wg0"}},
		"\nNetwork  wg0 is down; nothing is sent": {{Via: "wg0", Problem: "is down"}},
		"\nNetwork  socks5://a:1, TCP only: command not supported\nNetwork  wg0, and no other way": {
			{Via: "socks5://a:1", TCPOnly: "command not supported"}, {Via: "wg0"},
		},
	} {
		if got := networkText(parts); got != want {
			t.Errorf("%+v: %q, want %q", parts, got, want)
		}
	}
}
