package utp_test

import (
	"io"
	"testing"

	"github.com/potluck-p2p/potluck/internal/netx"
)

// BenchmarkLoopback is what two nodes of one process make of the loopback interface: a stream in one direction.
func BenchmarkLoopback(b *testing.B) {
	nw := netx.System(netx.Options{})
	from, to := open(b, nw, "127.0.0.1:0"), open(b, nw, "127.0.0.1:0")
	defer from.stop(b)
	defer to.stop(b)
	ours, theirs := pair(b, from, to)
	const block = 256 << 10
	done := make(chan error, 1)
	go func() {
		_, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{theirs}, make([]byte, block))
		done <- err
	}()
	payload := make([]byte, block)
	b.SetBytes(block)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ours.Write(payload); err != nil {
			b.Fatal(err)
		}
	}
	_ = ours.Close()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}
