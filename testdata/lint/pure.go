// judged as internal/scheduler/planted.go

package scheduler

import (
	crand "crypto/rand" // a rename does not hide it
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"time"
)

// TODO: planted, want "notes to self"

func init() {} // want "no func init"

type messages chan any // want "no chan any"

type others chan<- interface{} // want "no chan any"

type addresses chan netip.Addr

func clock(now time.Time) (time.Time, time.Duration) {
	_ = time.Now()            // want "clock is handed in"
	_ = time.Since(now)       // want "clock is handed in"
	_ = time.NewTimer(0)      // want "clock is handed in"
	<-time.After(time.Second) // want "clock is handed in"
	time.Sleep(time.Second)   // want "nothing sleeps"
	return now.Add(1), time.Second
}

func dice(r *rand.Rand) int {
	_ = rand.IntN(6)  // want "source that is handed in"
	b := crand.Text() // want "randomness is handed in"
	_ = rand.New(rand.NewPCG(1, 2))
	return r.IntN(6) + len(b)
}

func disk() {
	_, _ = os.Open("x")   // want "only vfs opens files"
	open := os.OpenFile   // want "only vfs opens files"
	_ = os.WriteFile      // want "only vfs opens files"
	var root os.Root      // want "only vfs opens files"
	_ = os.Getenv("HOME") // want "environment"
	os.Exit(1)            // want "only a command"
	_, _ = open, root
}

func network() {
	_, _ = net.Dial("tcp", "x") // want "only netx dials"
	var c net.Conn              // want "pure room"
	_, _, _ = net.SplitHostPort("x:1")
	_ = c
}
