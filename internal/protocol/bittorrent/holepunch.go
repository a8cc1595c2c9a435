package bittorrent

import (
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// offersHolepunch says that we speak ut_holepunch (BEP 55). Those who can meet learn of each other by the exchange of peers, so it
// is offered where that is.
func (c *Conversation) offersHolepunch() bool { return c.cfg.Holepunch && c.cfg.Exchange }

// PunchesHoles reports whether both sides speak ut_holepunch.
func (c *Conversation) PunchesHoles() bool {
	return c.offersHolepunch() && c.ext.theirs.M[peer.ExtHolepunch] != 0
}

// SendHolepunch sends the peer a message of ut_holepunch, if both sides speak it.
func (c *Conversation) SendHolepunch(m peer.Holepunch) {
	if c.PunchesHoles() {
		c.out = peer.AppendHolepunch(c.out, c.ext.theirs.M[peer.ExtHolepunch], m)
	}
}

func (c *Conversation) receiveHolepunch(now time.Time, payload []byte) (Event, error) {
	// BEP 55: "If the initiating peer does not indicate support for the ut_holepunch extension in the extension protocol
	// handshake, the relaying peer MUST ignore any incoming ut_holepunch messages silently."
	if !c.PunchesHoles() {
		return Event{}, c.Useless(now)
	}
	m, err := peer.ParseHolepunch(payload)
	if err != nil {
		return Event{}, err
	}
	kind := None
	switch m.Kind {
	case peer.Rendezvous:
		kind = RendezvousAsked
	case peer.Connect:
		kind = ConnectTold
	case peer.HolepunchFailed:
		kind = RendezvousFailed
	}
	// However it ends, it brings no bytes: there are bounds on how many are heeded, and this is that on how many are sent.
	return Event{Kind: kind, Holepunch: m}, c.Useless(now)
}
