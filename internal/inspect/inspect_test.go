package inspect_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/inspect"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

var (
	v1 = metainfo.HashV1{1}
	v2 = metainfo.HashV2{2}
)

func TestWantMagnet(t *testing.T) {
	text := "magnet:?xt=urn:btih:" + v1.String() + "&tr=http://t/a&x.pe=192.0.2.1:7&so=1,3-4"
	for _, c := range []struct{ selected, want []string }{
		{nil, []string{"#so=1,3-4"}},
		{[]string{"*.jpg"}, []string{"*.jpg"}}, // the user's word goes first
	} {
		w, err := inspect.Want(t.Context(), nil, text, nil, c.selected)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(w.Selected, c.want) || w.Torrent != nil || w.Hash != metainfo.NewInfoHash(&v1, nil) ||
			!slices.Equal(w.Peers, []string{"192.0.2.1:7"}) || len(w.Trackers) != 1 {
			t.Errorf("%+v", w)
		}
	}
}

func TestWantRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		text     string
		torrent  []byte
		selected []string
		exit     int
	}{
		"no link":      {"hello", nil, nil, fault.ExitUsage},
		"a path":       {"/x.torrent", nil, nil, fault.ExitUsage},
		"no torrent":   {"", []byte("d8:announce0:e"), nil, fault.ExitFailed},
		"too large":    {"", make([]byte, 33<<20), nil, fault.ExitFailed},
		"no selection": {"magnet:?xt=urn:btih:" + strings.Repeat("0", 40), nil, []string{"\xff"}, fault.ExitUsage},
	} {
		if _, err := inspect.Want(t.Context(), nil, c.text, c.torrent, c.selected); err == nil || fault.Explain(err).Exit != c.exit {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestExplains(t *testing.T) {
	other := metainfo.HashV1{9}
	hybrid := metainfo.NewInfoHash(&v1, &v2)
	for _, c := range []struct {
		torrent bool
		named   metainfo.InfoHash
		want    bool
	}{
		{true, hybrid, true},
		{true, metainfo.NewInfoHash(&v1, nil), true},
		{true, metainfo.NewInfoHash(nil, &v2), true},
		{true, metainfo.NewInfoHash(&other, &v2), false},
		{false, hybrid, false},
	} {
		w := inspect.Wanted{Hash: hybrid}
		if c.torrent {
			w.Torrent = &metainfo.Torrent{}
		}
		if got := w.Explains(c.named); got != c.want {
			t.Errorf("%v: %v", c.named, got)
		}
	}
}

// textKey is a node's key.
const textKey = "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrsa"

// The key of a link goes with each of its addresses, as text that is read back as the same.
func TestKeyOfLink(t *testing.T) {
	nw := netxtest.NewWorld(1).Host("10.0.0.1")
	const magnet = "magnet:?xt=urn:btih:2222222222222222222222222222222222222222&x.pe=192.0.2.1:80&x.pe=[2001:db8::1]:80"
	for link, key := range map[string]string{magnet: "", magnet + "&x.pk=" + textKey: textKey} {
		w, err := inspect.Want(t.Context(), nil, link, nil, nil)
		if err != nil || len(w.Peers) != 2 {
			t.Fatalf("%s: %+v, %v", link, w, err)
		}
		for _, text := range w.Peers {
			got, err := inspect.ResolvePeer(t.Context(), nw, text)
			if err != nil || len(got) != 1 || inspect.PeerText(got[0].Key, got[0].Addr.String()) != text || got[0].Key.IsZero() != (key == "") {
				t.Errorf("%s: %v, %v", text, got, err)
			}
		}
	}
}

func TestResolvePeer(t *testing.T) {
	nw := netxtest.NewWorld(1).Host("10.0.0.1")
	for text, want := range map[string]string{
		"192.0.2.1:80": "192.0.2.1:80", "[2001:db8::1]:80": "[2001:db8::1]:80",
		textKey + "@192.0.2.1:80": "192.0.2.1:80", strings.ToUpper(textKey) + "@[2001:db8::1]:80": "[2001:db8::1]:80",
		textKey + "@": "", textKey[1:] + "@192.0.2.1:80": "", "@192.0.2.1:80": "", "x@192.0.2.1:80": "",
		"192.0.2.1": "", "192.0.2.1:0": "", "host": "", "host:0": "", "host:99999": "", ":80": "", "nobody.example:80": "",
	} {
		got, err := inspect.ResolvePeer(context.Background(), nw, text)
		if want == "" && err == nil || want != "" && (err != nil || len(got) != 1 || got[0].Addr.String() != want || got[0].Key.IsZero() == strings.Contains(text, "@")) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
		exit := fault.ExitUsage
		if text == "nobody.example:80" {
			exit = fault.ExitBlocked // a name that is not known now is no wrong use
		}
		if _, err := inspect.ResolvePeers(t.Context(), nw, []string{text}); err != nil && fault.Explain(err).Exit != exit {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Behind a proxy no peer's name is looked up, and the user is told what to give instead.
func TestPeerByNameBehindAProxy(t *testing.T) {
	w := netxtest.NewWorld(1)
	w.Name("peer.example", "192.0.2.7")
	_, err := inspect.ResolvePeers(t.Context(), netxtest.Far{Host: w.Host("192.0.2.1")}, []string{"192.0.2.8:1", "peer.example:7"})
	if e := fault.Explain(err); err == nil || e.Code != "far-name" || e.Exit != fault.ExitUsage || !strings.Contains(e.Message, "peer.example:7") || !strings.Contains(e.Hint, "address") {
		t.Errorf("%+v", e)
	}
}
