// Package bittorrent is the shell around BitTorrent conversations: it dials and accepts, exchanges handshakes, and runs one
// reader and one writer for each peer. It turns bytes into messages for the swarm and the swarm's decisions into bytes, and
// decides nothing itself.
//
//	accept, dial     a connection begins                 (accept.go, room.go, dial.go, transport.go, meet.go)
//	encrypt          plain, by MSE or by TLS             (encrypt.go, manners.go; below: line)
//	handshake        which object, which version         (handshake.go)
//	run              both flows, until one ends          (connection.go, gate.go)
//	read             socket -> messages, payload -> intake (read.go, inbound.go, rest.go)
//	write            frames, store -> payload -> socket  (write.go)
//	                 ... and while buffers are scarce    (pressure.go)
package bittorrent

import (
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/potluck-p2p/potluck/internal/identity"
	"github.com/potluck-p2p/potluck/internal/intake"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/network/bittorrent/line"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/protocol/mse"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// Files reads what peers ask for. It fails rather than give bytes that are not those that were hashed.
type Files interface {
	ReadAt(p []byte, file int, off int64) error
}

// Content is what of an object is known with its metadata.
type Content struct {
	Hash   metainfo.InfoHash
	Layout *torrent.Layout
	Files  Files
	Intake *intake.Intake // nil if nothing is to be fetched
}

// Object is one object as its connections see it.
type Object struct {
	// Hash is the info-hash of the link; Content may know one more.
	Hash  metainfo.InfoHash
	Swarm *swarm.Swarm
	// Down and Up limit the payload of all connections together.
	Down, Up netx.Chain
	// Failed is told that the object's files cannot be read, once per connection that met it.
	Failed func(error)
	// Identity is who we prove to be when we dial those whose key we know; nil: nobody, without TLS.
	Identity *identity.Identity
	// Estranged is told that another node answers at an address than the one that the user or the link means; nil: nobody is.
	Estranged func(addr netip.AddrPort, why *identity.OtherKeyError)
	// Content is set once, when the metadata is known.
	Content atomic.Pointer[Content]

	gate gate
}

// Close ends the object's connections and keeps new ones out. It returns when nothing of theirs runs any more: then its
// files and its intake can be closed.
func (o *Object) Close() { o.gate.close() }

// hash is the info-hash as far as it is known.
func (o *Object) hash() metainfo.InfoHash {
	if c := o.Content.Load(); c != nil {
		return c.Hash
	}
	return o.Hash
}

// mostBuffers is enough for 250 peers with whom payload flows at full speed.
const mostBuffers = 64 << 20

// Config is what a shell is made of. All fields but UTP, Unlimited, Identity, Buffers and LargeRequests are required.
type Config struct {
	Network netx.Network
	// UTP reaches peers whom TCP does not reach; nil: nothing does.
	UTP Dialer
	Now func() time.Time
	Log *slog.Logger
	// Encryption says how connections may begin.
	Encryption mse.Policy
	// Identity is who we prove to be to whoever begins with TLS; nil: nobody, without TLS.
	Identity *identity.Identity
	// Unlimited are the addresses of peers to whom the limits do not apply; nil: nobody's.
	Unlimited func(netip.Addr) bool
	// Buffers is how many bytes the large buffers of all connections may take together: 64 MiB, or less. When they are leased,
	// who comes moves payload through small ones, and slower.
	Buffers int64
	// LargeRequests says that we ask for runs of blocks where a peer takes that: they come as one message.
	LargeRequests bool
	// Find looks an object up by the 20 bytes of a handshake; nil if there is none that takes peers.
	Find func(infoHash [20]byte) *Object
	// FindReq2 looks the same 20 bytes up by their [mse.Req2].
	FindReq2 func(req2 [20]byte) (infoHash [20]byte, ok bool)
	// Panicked is told of a panic in one connection, which ends that connection only (promise 4.8).
	Panicked func(any)
}

// Shell runs all BitTorrent connections of a node.
type Shell struct {
	cfg      Config
	waiting  room
	plain    addresses // where an encrypted connection was refused and a plain one taken
	buffers  *line.Buffers
	tls      *line.TLS
	arrivals arrivals
	running  sync.WaitGroup
}

// New makes a shell.
func New(cfg Config) *Shell {
	if cfg.Buffers <= 0 || cfg.Buffers > mostBuffers {
		cfg.Buffers = mostBuffers
	}
	buffers := line.NewBuffers(int(max(1, cfg.Buffers/line.BufferSize)))
	return &Shell{cfg: cfg, buffers: buffers, tls: line.NewTLS(buffers)}
}

// Wait returns when every connection has ended. End them by cancelling the contexts given to Accept and Dial.
func (sh *Shell) Wait() { sh.running.Wait() }

// guarded runs f and contains its panic.
func (sh *Shell) guarded(f func()) {
	defer func() {
		if r := recover(); r != nil {
			sh.cfg.Panicked(r)
		}
	}()
	f()
}
