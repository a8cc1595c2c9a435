package e2e

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/lab"
	"github.com/potluck-p2p/potluck/test/peers"
)

// pair is two hosts side by side, and what passes between them.
type pair struct {
	sharer, getter *node
	capture        *lab.Capture
}

func newPair(t *testing.T) pair {
	t.Helper()
	l := lab.New(t)
	net := l.Segment("net")
	p := pair{sharer: newNode(t), getter: newNode(t)}
	for i, n := range []*node{p.sharer, p.getter} {
		n.host = l.Host(fmt.Sprintf("host%d", i+1))
		n.addr = netip.AddrPortFrom(netip.AddrFrom4([4]byte{20, 0, 0, byte(i + 1)}), 6881)
		n.host.Join(net, netip.PrefixFrom(n.addr.Addr(), 8))
	}
	p.capture = p.getter.host.Capture(t)
	return p
}

// noTCP refuses all peers who come over TCP.
const noTCP = `
table inet refuse {
	chain input {
		type filter hook input priority 0;
		tcp dport 6881 reject with tcp reset
	}
}`

// What must not be read on the way: names, and a content that shows wherever it is cut.
const (
	secretFolder = "wedding-photographs"
	secretFile   = "seating-plan.txt"
	secretLine   = "aunt Matilda sits by herself\n"
)

// writeSecret makes a folder of about 1 MB.
func writeSecret(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), secretFolder)
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(path, secretFile), bytes.Repeat([]byte(secretLine), 40_000), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// secrets are all that tells what an object is, as it could travel.
func secrets(t *testing.T, shared line) map[string][]byte {
	t.Helper()
	list := map[string][]byte{
		"the folder's name": []byte(secretFolder), "the file's name": []byte(secretFile),
		"content": []byte(secretLine[:12]), "content, cut": []byte(secretLine[12:24]),
		"the protocol": []byte("BitTorrent"), "the program": []byte("-PK0"), "the program's name": []byte("otluck"),
	}
	for _, text := range []string{shared.InfoHashV1, shared.InfoHashV2} {
		raw, err := hex.DecodeString(text)
		if err != nil || len(raw) < 20 {
			t.Fatalf("no info-hash: %q", text)
		}
		list["the info-hash "+text] = raw[:10] // of v2 too, in its short form
		list["the text of "+text] = []byte(text[:20])
	}
	return list
}

// overheard is what somebody on the way has read of it, with a packet for each.
func (p pair) overheard(t *testing.T, shared line) map[string]lab.Packet {
	t.Helper()
	heard := make(map[string]lab.Packet)
	list := secrets(t, shared)
	for _, packet := range p.capture.Packets() {
		for what, secret := range list {
			if bytes.Contains(packet.Data, secret) {
				heard[what] = packet
			}
		}
	}
	return heard
}

// nothingInClear holds that nobody on the way has read any of it, and that the bytes did pass there.
func (p pair) nothingInClear(t *testing.T, shared line, by lab.Protocol) {
	t.Helper()
	for what, packet := range p.overheard(t, shared) {
		flow, _ := packet.Flow()
		t.Errorf("%s passes in clear, %v to %v:\n%s", what, flow.From, flow.To, hex.Dump(packet.Data[:min(len(packet.Data), 512)]))
	}
	carried := 0
	for _, packet := range p.capture.Packets() {
		if flow, ok := packet.Flow(); ok && flow.Protocol == by {
			carried += len(packet.Data)
		}
	}
	if carried < 1_000_000 {
		t.Errorf("heard %d bytes", carried)
	}
}

// TestNothingInClear: between two potlucks, of whom the one knows the other by a link, nobody on the way reads a byte of what it
// is about, from the first packet on. By a policy that says so, nothing else that a potluck does tells it either.
func TestNothingInClear(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		by   lab.Protocol
	}{{"TCP", lab.TCP}, {"uTP", lab.UDP}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t)
			if c.by == lab.UDP {
				p.sharer.host.Rules(noTCP)
			}
			path := writeSecret(t)
			_, shared := p.sharer.share(t, []string{path})
			if !strings.Contains(shared[0].Link, "&x.pk=") {
				t.Fatal("the link has no key: ", shared[0].Link)
			}
			dir, _ := p.getter.get(t, shared[0].Link)
			peers.Same(t, path, filepath.Join(dir, secretFolder))
			p.nothingInClear(t, shared[0], c.by)
		})
	}
	t.Run("not encrypted", func(t *testing.T) { // so much for the test itself
		t.Parallel()
		p := newPair(t)
		path := writeSecret(t)
		for _, n := range []*node{p.sharer, p.getter} {
			n.configured(t, "encryption = 'off'\n")
		}
		_, shared := p.sharer.share(t, []string{path})
		p.getter.get(t, shared[0].Link)
		heard := p.overheard(t, shared[0])
		for _, what := range []string{"the folder's name", "the file's name", "content", "the protocol", "the program", "the info-hash " + shared[0].InfoHashV1} {
			if _, ok := heard[what]; !ok {
				t.Errorf("nothing is heard of %s", what)
			}
		}
	})
	t.Run("authenticated", func(t *testing.T) {
		t.Parallel()
		p := newPair(t)
		for _, n := range []*node{p.sharer, p.getter} {
			n.online, n.dht = true, p.getter.addr.String()
		}
		path := writeSecret(t)
		const tracker = "http://20.0.0.2:8000/announce"
		_, shared := p.sharer.share(t, []string{path}, "--tracker", tracker, "--web-seed", "http://20.0.0.2:8000/", "--require-encryption=authenticated")
		if !strings.Contains(shared[0].Link, "&tr=") {
			t.Error("the link has lost its tracker")
		}
		dir, _ := p.getter.get(t, shared[0].Link, "--require-encryption=authenticated")
		peers.Same(t, path, filepath.Join(dir, secretFolder))
		p.nothingInClear(t, shared[0], lab.TCP)
		for _, packet := range p.capture.Packets() {
			if f, ok := packet.Flow(); ok && (f.To.Port() == 8000 || f.To.Addr().IsMulticast()) {
				t.Fatalf("something goes to %v", f.To)
			}
		}
	})
}

// TestChangedKey: somebody else, who has the very same files, is where the link says that a certain node is. He gives nothing to
// those who have the link, and they are told why.
func TestChangedKey(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	path := writeSecret(t)
	first, shared := p.sharer.share(t, []string{path})
	first.Stop()
	other := newNode(t)
	other.host, other.addr = p.sharer.host, p.sharer.addr
	_, again := other.share(t, []string{path})
	if again[0].InfoHashV1 != shared[0].InfoHashV1 || again[0].Link == shared[0].Link {
		t.Fatalf("not another node with the same files: %s", again[0].Link)
	}
	get := p.getter.run(t, "get", shared[0].Link, "-o", t.TempDir(), "--wait", "2s")
	get.fails(t, 4)
	if said := get.typed("error")[0].Message; !strings.Contains(said, p.sharer.addr.String()+" has another key than the link says") {
		t.Errorf("the user is told: %s", said)
	}
	p.getter.home = newNode(t).home // where nothing is known of the object yet
	get = p.getter.run(t, "get", again[0].Link, "-o", t.TempDir(), "--wait", "20s")
	get.exits(t, 0)
}

// TestPotlucksUpgrade: two potlucks that know nothing of each other's keys tell them, and go on by TLS; both show it. A key that the
// user types holds as one of a link does.
func TestPotlucksUpgrade(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	path := writeSecret(t)
	_, shared := p.sharer.share(t, []string{path}, "--up", "100K")
	key := regexp.MustCompile(`&x\.pk=([a-z2-7]{52})`).FindStringSubmatch(shared[0].Link)
	if key == nil {
		t.Fatal("the link has no key: ", shared[0].Link)
	}
	bare := strings.Replace(shared[0].Link, key[0], "", 1)
	get := p.getter.start(t, "get", bare, "-o", t.TempDir())
	peers.Wait(t, 30*time.Second, "both to show TLS", func() (bool, any) {
		ours, theirs := p.getter.run(t, "peers").typed("peer"), p.sharer.run(t, "peers").typed("peer")
		return len(ours) == 1 && len(theirs) == 1 && ours[0].Encrypted == "tls" && theirs[0].Encrypted == "tls" && ours[0].Key == key[1],
			append(ours, theirs...)
	})
	get.Stop()
	wrong := "aaaaaaaa" + key[1][8:] + "@" + p.sharer.addr.String()
	stranger := newNode(t) // whom the sharer has not met
	stranger.host, stranger.addr = p.getter.host, netip.AddrPortFrom(p.getter.addr.Addr(), 6882)
	refused := stranger.run(t, "get", strings.Split(bare, "&x.pe=")[0], "-o", t.TempDir(), "--peer", wrong, "--wait", "2s")
	refused.fails(t, 4)
	if said := refused.typed("error")[0].Message; !strings.Contains(said, "has another key than") {
		t.Errorf("the user is told: %s", said)
	}
}

// TestPeersShowEncryption: what others do is shown as what it is.
func TestPeersShowEncryption(t *testing.T) {
	t.Parallel()
	for policy, want := range map[string]string{"require": "mse", "off": ""} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			peers.Require(t, peers.Libtorrent)
			o := makeOdd(t, peers.V1)
			seed := peers.Libtorrent.Seed(t, peers.Options{Torrent: o.torrent, Dir: o.parent(t)})
			n := newNode(t).configured(t, "encryption = '"+policy+"'\n")
			n.start(t, "get", o.torrent, "-o", t.TempDir(), "--seed", "--down", "10K", "--peer", seed.Addr().String())
			peers.Wait(t, 30*time.Second, "the peer to be shown", func() (bool, any) {
				c := n.run(t, "peers")
				list := c.typed("peer")
				return len(list) == 1 && list[0].Encrypted == want && list[0].Key == "", append(list, c.all()...)
			})
		})
	}
}
