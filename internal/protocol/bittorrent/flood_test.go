package bittorrent

import (
	"errors"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// noise is what brings nobody any further, however often it comes.
func noise() map[string]peer.Message {
	return map[string]peer.Message{
		"keep-alive":             only(peer.KeepAlive),
		"unknown type":           {Type: peer.Unknown, Index: 99, Payload: []byte("x")},
		"port":                   {Type: peer.Port, Index: 6881},
		"choke":                  only(peer.Choke),
		"interested":             only(peer.Interested),
		"suggestion":             {Type: peer.Suggest, Index: 1},
		"cancel of nothing":      about(peer.Cancel, blk(1, 0)),
		"reject of nothing":      about(peer.Reject, blk(1, 0)),
		"extended handshake":     extended(0, "de"),
		"unknown extension":      extended(200, "x"),
		"peers, not asked for":   extended(localPEX, "de"),
		"metadata, not asked":    extended(localMetadata, "d8:msg_typei2e5:piecei0ee"),
		"upload_only":            extended(localIntent, "\x00"),
		"hashes, not asked for":  {Type: peer.HashReject},
		"allowed fast, too many": {Type: peer.AllowedFast, Index: 1},
	}
}

func TestFlood(t *testing.T) {
	for name, m := range noise() {
		c := begin(all, 10)
		var err error
		n := 0
		for ; err == nil && n < 2*uselessBurst; n++ {
			_, err = c.Receive(epoch, m)
		}
		var blame peer.ProtocolError
		if !errors.As(err, &blame) || n <= uselessBurst || n > uselessBurst+2*maxAllowedFast {
			t.Errorf("%s: after %d: %v", name, n, err)
		}
	}
}

// TestNoiseOfGoodClients: what comes at a bearable rate is borne for ever, and a burst is forgotten in time.
func TestNoiseOfGoodClients(t *testing.T) {
	for name, m := range noise() {
		c := begin(all, 10)
		now := epoch
		for range 10 * uselessBurst {
			now = now.Add(uselessEvery)
			hearAt(t, c, now, m)
		}
		for range 3 {
			for range uselessBurst - maxAllowedFast {
				if _, err := c.Receive(now, m); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
			now = now.Add(uselessBurst * uselessEvery)
		}
	}
}

// TestRequestsAreNoNoise: a fast peer may have thousands of requests under way when we choke it.
func TestRequestsAreNoNoise(t *testing.T) {
	c := begin(all, 10)
	for range 2 * uselessBurst {
		hear(t, c, about(peer.Request, blk(1, 0)))
		c.TakeOut(epoch, nil)
	}
	for range 100 {
		hearAt(t, c, epoch.Add(time.Second), about(peer.Have, blk(3, 0)))
	}
}
