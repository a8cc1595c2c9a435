package netx_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"syscall"
	"testing"

	"github.com/potluck-p2p/potluck/internal/netx"
)

func TestReason(t *testing.T) {
	tcp := func(s string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(s)) }
	refused := os.NewSyscallError("connect", syscall.ECONNREFUSED)
	dial := &net.OpError{Op: "dial", Net: "tcp", Source: tcp("0.0.0.0:0"), Addr: tcp("1.2.3.4:5"), Err: refused}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{dial, "1.2.3.4:5: connection refused"},
		{fmt.Errorf("tracker t.example: %w", dial), "tracker t.example: 1.2.3.4:5: connection refused"},
		{&url.Error{Op: "Get", URL: "http://t.example", Err: dial}, "Get \"http://t.example\": 1.2.3.4:5: connection refused"},
		{&net.OpError{Op: "read", Net: "udp", Source: tcp("10.0.0.1:7"), Err: io.ErrUnexpectedEOF}, "unexpected EOF"},
		{errors.New("anything else"), "anything else"},
	} {
		if got := netx.Reason(tt.err); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.err, got, tt.want)
		}
	}
}
