package netx_test

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/potluck-p2p/potluck/internal/netx"
)

// Who probes a path's MTU has datagrams cut by nobody, and nobody else on the same socket notices.
func TestFragmentationIsChosenForEachSend(t *testing.T) {
	nw := netx.System(netx.Options{})
	for _, at := range []string{"127.0.0.1:0", "[::]:0"} {
		c, err := nw.ListenUDP(t.Context(), netip.MustParseAddrPort(at))
		if err != nil {
			t.Fatal(err)
		}
		to := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), c.LocalAddr().Port())
		w := c.(netx.SegmentWriter)
		for _, tt := range []struct {
			send func() error
			want int
		}{
			{func() error { return w.WriteSegments([]byte("abc"), 1, to, netx.Whole) }, unix.IP_PMTUDISC_PROBE},
			{func() error { return w.WriteSegments([]byte("abc"), 1, to, netx.Fragmentable) }, unix.IP_PMTUDISC_DONT},
			{func() error { _, err := c.WriteTo([]byte("abc"), to); return err }, unix.IP_PMTUDISC_WANT},
		} {
			if err := tt.send(); err != nil {
				t.Error(err)
			}
			if got := netx.Cutting(c); got != tt.want {
				t.Errorf("%s: IP_MTU_DISCOVER is %d, want %d", at, got, tt.want)
			}
		}
		_ = c.Close()
	}
}
