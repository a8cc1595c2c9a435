package netx

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"syscall"
)

// MaxUnixPath is how long the path of a unix socket may be on every system.
const MaxUnixPath = 103

// maxUnixHeader bounds the header of a response.
const maxUnixHeader = 64 << 10

// socketMode lets only the owner of a socket connect to it.
const socketMode = 0o600

// ListenUnix listens at a unix socket that only this user may connect to. There must be nothing at path; closing the
// listener removes the socket.
func ListenUnix(ctx context.Context, path string) (net.Listener, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		// On Linux the socket in the file system takes the mode of the one it is bound to, so there is no moment at which
		// others may connect. Other systems refuse the call.
		return c.Control(func(fd uintptr) { restrictSocket(fd) })
	}}
	l, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	if err := syscall.Chmod(path, socketMode); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("keep others from %s: %w", path, err)
	}
	return l, nil
}

// UnixClient makes a client all of whose requests go to the unix socket at path, whatever host their URLs name. Call its
// CloseIdleConnections when done.
func UnixClient(path string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		},
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxUnixHeader,
	}}
}
