package bittorrent

import (
	"fmt"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// extension is BEP 10: the names we gave message ids, and those the peer gave.
type extension struct {
	greeted bool
	theirs  peer.ExtHandshake
}

// maxExtensions bounds the names of extensions kept from a peer.
const maxExtensions = 64

// The message ids we announce in our extended handshake.
const (
	localMetadata = 1 // ut_metadata, BEP 9
	localDontHave = 2 // lt_donthave, BEP 54
	localPEX      = 3 // ut_pex, BEP 11
	localIntent   = 4 // upload_only, BEP 21
	localPunch    = 5 // ut_holepunch, BEP 55
)

// TellMetadata sends our extended handshake again when the metadata has become known, so that the peer may ask us for it.
func (c *Conversation) TellMetadata(size int) {
	if c.cfg.Extended && c.cfg.Hello.MetadataSize != size {
		c.cfg.Hello.MetadataSize = size
		c.sendHello()
	}
}

func (c *Conversation) sendHello() {
	hello := c.cfg.Hello
	hello.M = map[string]uint8{
		peer.ExtMetadata: localMetadata, peer.ExtDontHave: localDontHave, peer.ExtUploadOnly: localIntent,
	}
	if c.cfg.Exchange {
		hello.M[peer.ExtPEX] = localPEX
	}
	if c.offersHolepunch() {
		hello.M[peer.ExtHolepunch] = localPunch
	}
	hello.Reqq = c.cfg.Reqq
	c.out = peer.AppendExtHandshake(c.out, hello)
}

// Hello is the peer's extended handshake; ok is false until it came.
func (c *Conversation) Hello() (hello peer.ExtHandshake, ok bool) { return c.ext.theirs, c.ext.greeted }

func (c *Conversation) receiveExtended(now time.Time, m peer.Message) (Event, error) {
	if !c.cfg.Extended {
		return Event{}, peer.ProtocolError("extended message without the extension protocol")
	}
	id, payload := m.Payload[0], m.Payload[1:]
	switch id {
	case peer.ExtHandshakeID:
		// A second one is an exception.
		if err := c.Useless(now); err != nil {
			return Event{}, err
		}
		hello, err := peer.ParseExtHandshake(payload)
		if err != nil {
			return Event{}, err
		}
		c.ext.update(hello)
		if hello.Reqq > 0 {
			c.down.limit = min(hello.Reqq, mostWindow)
		}
		c.runs.agree(c.cfg.Hello.Run, c.ext.theirs.Run)
		return Event{Kind: Greeted}, nil
	case localMetadata:
		return c.receiveMetadata(now, payload)
	case localDontHave:
		return c.receiveDontHave(payload)
	case localPEX:
		return c.receivePEX(now, payload)
	case localIntent:
		return c.receiveIntent(now, payload)
	case localPunch:
		return c.receiveHolepunch(now, payload)
	}
	return Event{}, c.Useless(now)
}

// update takes what a handshake says over what was said before. BEP 10: "It is valid to send the handshake message more
// than once", and "the m dictionary is additive"; the other items are taken to be so too.
func (x *extension) update(hello peer.ExtHandshake) {
	old := x.theirs
	x.theirs, x.greeted = hello, true
	h := &x.theirs
	if h.M == nil {
		h.M = make(map[string]uint8)
	}
	for name, id := range old.M {
		if _, said := h.M[name]; !said && len(h.M) < maxExtensions {
			h.M[name] = id
		}
	}
	h.Encrypts = h.Encrypts || old.Encrypts
	if h.Version == "" {
		h.Version = old.Version
	}
	if h.Port == 0 {
		h.Port = old.Port
	}
	if !h.YourIP.IsValid() {
		h.YourIP = old.YourIP
	}
	if h.MetadataSize == 0 {
		h.MetadataSize = old.MetadataSize
	}
	if h.Reqq == 0 {
		h.Reqq = old.Reqq
	}
	if h.Run == 0 {
		h.Run = old.Run
	}
	if h.Key == [peer.KeySize]byte{} {
		h.Key = old.Key
	}
	if h.Intent == peer.NotSaid {
		h.Intent = old.Intent
	}
}

// receiveDontHave takes back a have (BEP 54). Before the metadata is known it is not heeded: the peer will reject.
func (c *Conversation) receiveDontHave(payload []byte) (Event, error) {
	index, err := peer.ParseDontHave(payload)
	if err != nil || c.pieces < 0 {
		return Event{}, err
	}
	if int64(index) >= int64(c.pieces) {
		return Event{}, peer.ProtocolError(fmt.Sprintf("takes back piece %d of %d", index, c.pieces))
	}
	return Event{Kind: DontHave, Block: Block{Piece: int(index)}}, nil
}
