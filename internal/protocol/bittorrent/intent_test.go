package bittorrent

import (
	"testing"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// TestUploadOnlyIsTold: by the message of that name to who gave it an id, by another extended handshake to who did not,
// and once.
func TestUploadOnlyIsTold(t *testing.T) {
	c := begin(all, 10)
	hear(t, c, extended(0, "d1:md11:upload_onlyi9eee"))
	c.TellUploadOnly()
	m := parse(t, c.TakeOut(epoch, nil))
	if len(m) != 1 || m[0].Type != peer.Extended || string(m[0].Payload) != "\x09\x01" {
		t.Errorf("%+v", m)
	}
	c.TellUploadOnly()
	says(t, c)

	c = begin(all, 10)
	c.TellUploadOnly()
	m = parse(t, c.TakeOut(epoch, nil))
	if len(m) != 1 || m[0].Payload[0] != peer.ExtHandshakeID {
		t.Fatalf("%+v", m)
	}
	if h, err := peer.ParseExtHandshake(m[0].Payload[1:]); err != nil || h.Intent != peer.UploadOnly || h.M[peer.ExtUploadOnly] != localIntent {
		t.Errorf("%+v, %v", h, err)
	}
	c.TellUploadOnly()
	says(t, c)

	c = begin(Config{Fast: true}, 10)
	c.TellUploadOnly()
	says(t, c)
}

func TestUploadOnlyIsHeard(t *testing.T) {
	c := begin(all, 10)
	for _, step := range []struct {
		id   byte
		body string
		only bool
		kind EventKind
	}{
		{0, "de", false, Greeted},
		{0, "d11:upload_onlyi1ee", true, Greeted},
		{0, "d1:pi7ee", true, Greeted}, // says nothing of it
		{localIntent, "\x01", true, None},
		{localIntent, "\x00", false, IntentTold},
		{localIntent, "\x00\x00\x00\x01", false, None}, // nobody knows what that means
		{localIntent, "", false, None},
		{localIntent, "\x07", true, IntentTold},
		{0, "d11:upload_onlyi0ee", false, Greeted},
	} {
		if e := hear(t, c, extended(step.id, step.body)); e.Kind != step.kind || c.PeerUploadOnly() != step.only {
			t.Errorf("%d %q: event %+v, upload only %v", step.id, step.body, e, c.PeerUploadOnly())
		}
	}
}
