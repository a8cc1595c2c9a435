package bind

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// changes has the kernel tell when links and addresses change (rtnetlink(7)). It is nil if the kernel does not.
func changes(ctx context.Context) <-chan struct{} {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil
	}
	groups := uint32(unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		_ = unix.Close(fd)
		return nil
	}
	socket := os.NewFile(uintptr(fd), "netlink")
	context.AfterFunc(ctx, func() { _ = socket.Close() })
	news := make(chan struct{}, 1)
	go func() {
		defer close(news)
		// What has changed is looked at anew, so it does not matter if a message is longer.
		buf := make([]byte, 4096)
		for {
			// ENOBUFS: messages were lost, so something has changed.
			if _, err := socket.Read(buf); err != nil && !errors.Is(err, unix.ENOBUFS) {
				return
			}
			select {
			case news <- struct{}{}:
			default:
			}
		}
	}()
	return news
}
