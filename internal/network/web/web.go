// Package web fetches from web servers that hold an object's files (BEP 19, "web seeds"): a second network behind the same
// swarm, scheduler and intake. A server has no conversation and no pieces; it has files, and gives ranges of them.
//
//	Run        the servers of one object, until it has no use for them         (web.go)
//	serve      one server: joined, asked, left alone for a while when it fails (server.go)
//	address    where a file of the object lies at a server                     (address.go)
//	plan       blocks -> ranges of files                                       (plan.go)
//	get, read  one request and its answer, held to what was asked for          (answer.go)
//	whole      a server that gives files only as a whole                       (whole.go)
//	deliver    blocks into their places, and reported                          (deliver.go)
//
// What comes from a server is only ever written and checked by the intake like what comes from a peer: an address in a link
// is a hint, and a server that gives other bytes is blamed by the scheduler and never asked again for this object.
package web

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/potluck-p2p/potluck/internal/intake"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/urls"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

const (
	// maxServers is how many servers of one object are asked at once; others wait until one of these is dropped.
	maxServers = 8
	// perServer is how many requests one server gets at once.
	perServer = 4
)

// Config is what a Shell is made of. All fields but Unlimited are required.
type Config struct {
	Network   netx.Network
	UserAgent string
	Now       func() time.Time
	// Unlimited are the addresses of servers to whom the limits do not apply; nil: nobody's.
	Unlimited func(netip.Addr) bool
	// Panicked is told of a panic at one server, which ends that server only (promise 4.8).
	Panicked func(any)
}

// Shell runs the requests to all servers of a node.
type Shell struct {
	cfg     Config
	client  *urls.Client
	buffers sync.Pool // of *[]byte, each of a block
}

// idle is how long a connection is kept for the next request.
const idle = 30 * time.Second

// New makes a shell. Close it when nothing runs any more.
func New(cfg Config) *Shell {
	return &Shell{
		cfg:     cfg,
		client:  urls.NewClient(urls.ClientOptions{Network: cfg.Network, UserAgent: cfg.UserAgent, Timeout: silence, Idle: idle}),
		buffers: sync.Pool{New: func() any { b := make([]byte, torrent.BlockSize); return &b }},
	}
}

// Close ends idle connections.
func (sh *Shell) Close() { sh.client.Close() }

// Object is one object as its servers see it. All fields are required.
type Object struct {
	Info   *metainfo.Info
	Layout *torrent.Layout
	Swarm  *swarm.Swarm
	Intake *intake.Intake
	// Down limits the payload of all connections together.
	Down netx.Chain
	// URLs are as in the link. Trusted says that the user named them.
	URLs    []string
	Trusted bool
	// Failed is told that what arrived cannot be written.
	Failed func(error)
	// Failing is told of a server that went wrong and is asked again later, and how. Its name is safe to show.
	Failing func(name string, why error)
	// Dropped is told of a server that is not asked any more, and why. Its name is safe to show.
	Dropped func(name string, why error)
}

// Run asks the servers of an object for what the swarm wants, until the context ends or none is left.
func (sh *Shell) Run(ctx context.Context, o *Object) {
	queue := make(chan string, len(o.URLs))
	for _, u := range o.URLs {
		queue <- u
	}
	close(queue)
	var running sync.WaitGroup
	for range min(maxServers, len(o.URLs)) {
		running.Go(func() {
			for u := range queue {
				if ctx.Err() != nil {
					return
				}
				sh.guarded(func() { sh.serve(ctx, o, u) })
			}
		})
	}
	running.Wait()
}

// guarded runs f and contains its panic.
func (sh *Shell) guarded(f func()) {
	defer func() {
		if r := recover(); r != nil {
			sh.cfg.Panicked(r)
		}
	}()
	f()
}
