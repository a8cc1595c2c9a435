package netx

import (
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
)

// IsTransient reports an error of one datagram rather than of the socket, which a remote can cause: Windows and some BSDs report
// an ICMP answer to an earlier send this way.
func IsTransient(err error) bool {
	var op *net.OpError
	if !errors.As(err, &op) {
		return false
	}
	for _, e := range []error{
		syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EMSGSIZE,
	} {
		if errors.Is(op.Err, e) {
			return true
		}
	}
	return false
}

// IsUnreachable reports that we have no way to an address, most often since we have none of its family ourselves.
func IsUnreachable(err error) bool {
	return errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EADDRNOTAVAIL)
}

// Reason is an error as a user is told of it: where a connection has failed it names the other end and why, and neither our
// own end nor the system's call.
func Reason(err error) string {
	var op *net.OpError
	if !errors.As(err, &op) {
		return err.Error()
	}
	var call *os.SyscallError
	why := op.Err.Error()
	if errors.As(op.Err, &call) {
		why = call.Err.Error()
	}
	if op.Addr != nil {
		why = op.Addr.String() + ": " + why
	}
	return strings.Replace(err.Error(), op.Error(), why, 1)
}
