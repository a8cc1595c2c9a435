package words

import (
	"testing"

	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
)

func TestObjectText(t *testing.T) {
	n, eta := int64(4_100_000_000), 42.0
	for want, o := range map[string]v1.Object{
		"asking what it is  0 peers":                          {State: "resolving"},
		"checking what is there  1 peer":                      {State: "checking", Peers: 1},
		"62%  2.5 GB of 4.1 GB  38 MB/s  0:42 left  14 peers": {State: "fetching", BytesDone: 2_550_000_000, BytesWanted: &n, DownRate: 38e6, ETA: &eta, Peers: 14},
		"0%  0 B of 4.1 GB  0 B/s  0 peers":                   {State: "fetching", BytesWanted: &n},
		"paused  0 peers":                                     {State: "paused"},
	} {
		if got := Progress(o); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestSecrecyShown(t *testing.T) {
	for want, p := range map[string]v1.Peer{
		"-":            {},
		"mse":          {Encrypted: "mse"},
		"tls abcdefgh": {Encrypted: "tls", Key: "abcdefghijkl"},
		`tls \x1b`:     {Encrypted: "tls", Key: "\x1b"},
	} {
		if got := Secrecy(p); got != want {
			t.Errorf("%+v: %q, want %q", p, got, want)
		}
	}
}

func TestFindingText(t *testing.T) {
	got := Finding(v1.Finding{Subject: "IPv4", Level: "bad", What: "closed", Why: "a \x1b[31mrouter", Advice: "open it"})
	want := "bad      IPv4          closed\n                       Why: a \\x1b[31mrouter\n                       Do:  open it"
	if got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
