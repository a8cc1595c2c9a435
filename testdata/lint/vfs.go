// judged as internal/vfs/planted.go

package vfs

import (
	"net"
	"os"
	"time"
)

func open() (*os.Root, error) {
	_ = time.Now()
	_, _ = net.Dial("tcp", "x") // want "only netx dials"
	return os.OpenRoot("x")
}
