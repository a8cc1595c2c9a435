package words

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
		if got := network(parts); got != want {
			t.Errorf("%+v: %q, want %q", parts, got, want)
		}
	}
}

func TestRoutersText(t *testing.T) {
	for want, r := range map[string]v1.Router{
		"\nRouter   UPnP maps 20.1.0.1:6881 (TCP, UDP)": {Protocol: "UPnP", Ports: []v1.MappedPort{
			{Transport: "TCP", External: "20.1.0.1:6881"}, {Transport: "UDP", External: "20.1.0.1:6881"}}},
		"\nRouter   NAT-PMP maps :6881 (TCP)\nRouter   NAT-PMP maps :6882 (UDP)": {Protocol: "NAT-PMP", Ports: []v1.MappedPort{
			{Transport: "TCP", External: ":6881"}, {Transport: "UDP", External: ":6882"}}},
		"\nRouter   PCP maps 20.1.0.1:6881 (TCP)\nRouter   it does not \\x1b[31m map UDP": {Protocol: "PCP", Why: "it does not \x1b[31m map UDP",
			Ports: []v1.MappedPort{{Transport: "TCP", External: "20.1.0.1:6881"}}},
		"\nRouter   no answer": {Address: "192.168.1.1", Why: "no answer"},
		"\nRouter   192.168.1.1 is being asked to let others in": {Address: "192.168.1.1"},
	} {
		if got := routers([]v1.Router{r}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
