package bench

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
)

// Traffic is what has gone over the network, in packets and in bytes with the headers of IP.
type Traffic struct {
	Packets, Bytes int64
}

// tapRules count what comes from an address, and what goes to it.
const tapRules = `table inet tap {
	counter sent {}
	counter received {}
	chain output { type filter hook output priority 0; ip saddr %[1]v counter name sent; }
	chain input { type filter hook input priority 0; ip daddr %[1]v counter name received; }
}`

// Tap counts all that comes from an address and goes to it, until the test ends.
func Tap(t *testing.T, at netip.Addr) (count func() (sent, received Traffic)) {
	t.Helper()
	begin := exec.Command("nft", "-f", "-")
	begin.Stdin = strings.NewReader(fmt.Sprintf(tapRules, at))
	if said, err := begin.CombinedOutput(); err != nil {
		t.Fatalf("nft: %v %s", err, said)
	}
	t.Cleanup(func() {
		if said, err := exec.Command("nft", "delete", "table", "inet", "tap").CombinedOutput(); err != nil {
			t.Errorf("nft: %v %s", err, said)
		}
	})
	return func() (sent, received Traffic) {
		said, err := exec.Command("nft", "-j", "list", "counters", "table", "inet", "tap").Output()
		var list struct {
			Nftables []struct {
				Counter struct {
					Name string
					Traffic
				}
			}
		}
		if err == nil {
			err = json.Unmarshal(said, &list)
		}
		if err != nil {
			t.Fatalf("nft: %v", err)
		}
		for _, entry := range list.Nftables {
			switch entry.Counter.Name {
			case "sent":
				sent = entry.Counter.Traffic
			case "received":
				received = entry.Counter.Traffic
			}
		}
		return sent, received
	}
}
