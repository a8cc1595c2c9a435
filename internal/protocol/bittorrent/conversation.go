// Package bittorrent is one conversation with one BitTorrent peer about one object, without I/O: whose turn it is, which
// requests are under way, what the peer may ask of us and when silence has lasted too long. It is fed messages and the
// time, and appends the frames to send to a buffer that the shell takes. It never sees payload.
//
// One concern is one file: flags (choke and interest), have (who has what), download (our requests), window (how many at a
// time) and withdrawn (those taken back), upload (theirs), runs (several blocks in one frame), port (BEP 5), fast (BEP 6),
// extension (BEP 10), metadata (BEP 9), pex (BEP 11), intent (BEP 21), hashes (BEP 52), holepunch (BEP 55), idle (keep-alive and
// silence), flood (noise), meter (rates).
//
// A Conversation is not safe for concurrent use; the swarm's lock guards it.
package bittorrent

import (
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// Config is what is known of a peer once both handshakes are exchanged.
type Config struct {
	// Fast, Extended and V2 say which extensions both sides announced in their handshakes: BEP 6, BEP 10, BEP 52.
	Fast, Extended, V2 bool
	// DHT says that both sides announced a node in the DHT (BEP 5).
	DHT bool
	// Reqq is how many requests of the peer we queue.
	Reqq int
	// Exchange offers the exchange of peers (BEP 11).
	Exchange bool
	// Holepunch offers hole punching (BEP 55), where Exchange is offered.
	Holepunch bool
	// Hello is our extended handshake, sent first when Extended is agreed.
	Hello peer.ExtHandshake
}

// BlockSize is the length in bytes of every request but the last of a piece.
const BlockSize = 16 << 10

// Block names a run of bytes inside a piece, as requests do.
type Block struct{ Piece, Begin, Length int }

// Conversation is the state of one peer connection for one object.
type Conversation struct {
	cfg    Config
	out    []byte
	pieces int // -1 until the metadata is known

	flags flags
	have  earlyHave
	fast  fast
	down  download
	up    upload
	ext   extension
	meta  metadata
	hash  hashes
	runs  runs
	nodes nodes
	idle  idle
	flood flood

	refused int // requests since frames were last taken
}

// New begins a conversation at the moment both handshakes are done. pieces is -1 while the metadata is unknown.
func New(now time.Time, cfg Config, pieces int) *Conversation {
	c := &Conversation{cfg: cfg, pieces: pieces}
	c.flags.init()
	c.idle.init(now)
	c.down.init(now)
	if cfg.Extended {
		c.sendHello()
	}
	return c
}

// EventKind says what a message means to the swarm.
type EventKind uint8

// The kinds of Event. None asks nothing of the swarm.
const (
	None              EventKind = iota
	Choked                      // the peer drops our requests; with BEP 6 it rejects each instead
	Unchoked                    // we may request
	Interested                  // the peer wants something of ours
	NotInterested               // the peer wants nothing of ours
	Have                        // Block.Piece is there
	DontHave                    // Block.Piece is gone (BEP 54)
	HaveBitfield                // Payload is the peer's bitfield
	HaveAll                     // the peer is complete (BEP 6)
	HaveNone                    // the peer has nothing (BEP 6)
	Requested                   // the peer asks for Block: answer with Admit or Refuse
	Rejected                    // the peer will not send Block, which we had asked for
	AllowedFast                 // Block.Piece may be requested while choked
	Suggested                   // the peer would have us ask it for Block.Piece before others
	Greeted                     // the peer's extended handshake arrived
	MetadataRequested           // the peer asks for metadata piece Block.Piece
	MetadataArrived             // Payload is metadata piece Block.Piece
	MetadataRejected            // the peer will not send metadata piece Block.Piece
	HashesRequested             // the peer asks for Hash: answer with SendHashes or RejectHashes
	HashesArrived               // Payload holds the hashes of Hash, which we had asked for
	IntentTold                  // the peer has changed its mind about what it wants: ask PeerUploadOnly (BEP 21)
	PeersTold                   // Peers are others that the peer knows of (BEP 11)
	HashesRejected              // the peer will not send Hash, which we had asked for
	PortTold                    // the peer has a DHT node at Port (BEP 5)
	RendezvousAsked             // the peer asks to be brought together with Holepunch.Addr (BEP 55)
	ConnectTold                 // the peer tells us to connect to Holepunch.Addr now
	RendezvousFailed            // the peer cannot bring us together with Holepunch.Addr, for Holepunch.Err
)

// Event is what one message means to the swarm. Payload is a view into the message and must be copied to be kept.
type Event struct {
	Kind    EventKind
	Block   Block
	Hash    peer.HashRequest
	Payload []byte
	Peers   peer.PEX
	Port    uint16

	Holepunch peer.Holepunch
}

// Receive takes any message but Piece. An error is the peer's fault and ends the connection.
func (c *Conversation) Receive(now time.Time, m peer.Message) (Event, error) {
	c.idle.received(now)
	switch m.Type {
	case peer.KeepAlive:
		return Event{}, c.Useless(now)
	case peer.Choke, peer.Unchoke, peer.Interested, peer.NotInterested:
		if err := c.Useless(now); err != nil {
			return Event{}, err
		}
		return c.receiveFlag(now, m.Type)
	case peer.Have, peer.Bitfield, peer.HaveAll, peer.HaveNone:
		return c.receiveHave(now, m)
	case peer.Request, peer.Cancel:
		return c.receiveRequest(now, m)
	case peer.Reject, peer.Suggest, peer.AllowedFast:
		return c.receiveFast(now, m)
	case peer.Extended:
		return c.receiveExtended(now, m)
	case peer.HashRequested, peer.Hashes, peer.HashReject:
		return c.receiveHashes(now, m)
	case peer.Port:
		return c.receivePort(now, m)
	}
	// A type nobody told us of: BEP 3 clients ignore what they do not know.
	return Event{}, c.Useless(now)
}

// keepSpare bounds the buffer for frames that an idle conversation holds.
const keepSpare = 64 << 10

// TakeOut hands over the frames to send and keeps spare as the buffer for the next ones.
func (c *Conversation) TakeOut(now time.Time, spare []byte) []byte {
	out := c.out
	c.out, c.runs.end, c.refused = spare[:0], 0, 0
	if cap(spare) > keepSpare {
		c.out = nil
	}
	if len(out) > 0 {
		c.idle.sent(now)
	}
	return out
}

// HasOut reports whether frames or granted uploads wait to be sent.
func (c *Conversation) HasOut() bool { return len(c.out) > 0 || len(c.up.queue) > 0 }

// Backlog is the size of the frames that wait to be sent, in bytes.
func (c *Conversation) Backlog() int { return len(c.out) }

// fullBacklog is the backlog from which on a peer's requests for hashes and metadata are turned down: their answers are
// up to a thousand times as long as they.
const fullBacklog = 128 << 10

// mostRefused is how many of them a peer may send in vain before it takes what waits for it.
const mostRefused = 500

// refuse counts a request that is turned down because the backlog is full. It fails when there were too many.
func (c *Conversation) refuse() error {
	if c.refused++; c.refused > mostRefused {
		return peer.ProtocolError("asks, and does not take the answers")
	}
	return nil
}

// Fast reports whether the connection speaks BEP 6.
func (c *Conversation) Fast() bool { return c.cfg.Fast }

// V2 reports whether the connection speaks BEP 52.
func (c *Conversation) V2() bool { return c.cfg.V2 }
