package e2e

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/netns"
	"github.com/potluck-p2p/potluck/test/peers"
)

// What makes the DHT of these tests: 30 nodes, each in a network of its own.
const (
	libtorrents = 14 // in one process, which do nothing else
	potlucks    = 10 // that run on
	// dhtPatience is how long something may take in it, on a busy machine too. Transmission asks a node every few seconds to begin
	// with, and announces nothing before it knows nine.
	dhtPatience = 3 * time.Minute
)

// town is the DHT and those who live in it.
type town struct {
	t     *testing.T
	crowd *peers.DHT
	door  *peers.DHT   // the way in: a node that can be taken away
	hosts atomic.Int32 // in use
	ups   []*node
}

// buildTown makes the DHT but for those that have something to fetch.
func buildTown(t *testing.T) *town {
	t.Helper()
	peers.Require(t, peers.Libtorrent, peers.Transmission)
	d := &town{t: t}
	var at []netip.AddrPort
	for range libtorrents {
		at = append(at, d.address())
	}
	d.crowd = peers.StartDHT(t, nil, at...)
	d.door = peers.StartDHT(t, at, d.address())
	for range potlucks {
		n := d.node()
		n.up(t)
		d.ups = append(d.ups, n)
	}
	return d
}

// address is one that nobody has.
func (d *town) address() netip.AddrPort {
	return peers.At(netns.Public(int(d.hosts.Add(1))))
}

// node is a potluck that knows the door.
func (d *town) node() *node {
	n := newNode(d.t)
	n.addr, n.online, n.dht = d.address(), true, d.door.Addrs()[0].String()
	return n
}

// up starts the node.
func (n *node) up(t *testing.T) {
	t.Helper()
	n.start(t, "up", "--api", "127.0.0.1:0").waitFor(t, "potluck to be up", func(l line) bool { return l.Type == "status" })
}

// joins waits until the running node is in the DHT.
func (n *node) joins(t *testing.T) {
	t.Helper()
	peers.Wait(t, dhtPatience, "potluck to join", func() (bool, any) {
		status := n.ok(t, "status")
		return len(status) == 1 && status[0].DHT != nil && status[0].DHT.Nodes[0].State == "joined", status[0].DHT
	})
}

// content is a file that nobody else has.
func (d *town) content(seed uint64) string {
	d.t.Helper()
	return peers.WriteFile(d.t, filepath.Join(d.t.TempDir(), fmt.Sprintf("content%d.bin", seed)), seed, 1<<20)
}

// offer has a client that knows some nodes seed a file of its own, and returns the file and its info-hash.
func (d *town) offer(t *testing.T, c peers.Client, seed uint64, known ...netip.AddrPort) (path, hash string, by netip.AddrPort) {
	t.Helper()
	path = d.content(seed)
	o := makeObject(t, path, peers.MakeOptions{Format: peers.V1})
	p := c.Seed(t, peers.Options{Torrent: o.torrent, Dir: filepath.Dir(path), Listen: d.address(), DHT: known})
	return path, o.info.Hashes()[0], p.Addr()
}

// share has one of the potlucks share a file, and returns the file and its info-hash.
func (d *town) share(t *testing.T, n *node, seed uint64, options ...string) (path, hash string) {
	t.Helper()
	path = d.content(seed)
	lines := n.ok(t, slices.Concat([]string{"share"}, options, []string{path})...)
	if len(lines) == 0 || lines[0].Type != "shared" {
		t.Fatalf("%+v", lines)
	}
	return path, lines[0].hashes()[0]
}

// awaitAnnounce waits until others find an address under an info-hash.
func (d *town) awaitAnnounce(t *testing.T, hash string, by netip.AddrPort) {
	t.Helper()
	peers.Wait(t, dhtPatience, "an announce by "+by.String(), func() (bool, any) {
		found := d.crowd.Peers(t, hash)
		return slices.Contains(found, by), found
	})
}

// bare is a link with nothing but the info-hash.
func bare(hash string) string { return "magnet:?xt=urn:btih:" + hash }

// TestDHT: in a DHT of 30 nodes, most of them of others, whoever has something is found by whoever has nothing but the
// info-hash; and who has been there before finds it again when all that its configuration knows is dead.
func TestDHT(t *testing.T) {
	t.Parallel()
	netns.Need(t)
	d := buildTown(t)

	// Transmission takes its time to come in, so these begin first.
	ofTransmission, transmissionHash, transmission := d.offer(t, peers.Transmission, 1, d.crowd.Addrs()...)
	d.offer(t, peers.Transmission, 2, d.crowd.Addrs()...)
	ofLibtorrent, libtorrentHash, libtorrent := d.offer(t, peers.Libtorrent, 3, d.crowd.Addrs()...)
	dead := peers.At(netns.Public(netns.Publics))

	t.Run("found by libtorrent", func(t *testing.T) {
		t.Parallel()
		path, hash := d.share(t, d.ups[0], 10, "--format", "v1") // of a hybrid it may stumble over the hashes
		dir := t.TempDir()
		p := peers.Libtorrent.Start(t, peers.Options{Torrent: bare(hash), Dir: dir, Listen: d.address(), DHT: d.crowd.Addrs()})
		peers.WaitDone(t, p, dhtPatience)
		peers.Same(t, path, filepath.Join(dir, filepath.Base(path)))
	})
	t.Run("finds libtorrent", func(t *testing.T) {
		t.Parallel()
		d.awaitAnnounce(t, libtorrentHash, libtorrent)
		dir, _ := d.ups[1].get(t, bare(libtorrentHash))
		peers.Same(t, ofLibtorrent, filepath.Join(dir, filepath.Base(ofLibtorrent)))
	})
	t.Run("found by Transmission", func(t *testing.T) {
		t.Parallel()
		path, hash := d.share(t, d.ups[2], 11, "--format", "v1")
		d.awaitAnnounce(t, hash, d.ups[2].addr)
		dir := t.TempDir()
		p := peers.Transmission.Start(t, peers.Options{Torrent: bare(hash), Dir: dir, Listen: d.address(), DHT: d.crowd.Addrs()})
		peers.WaitDone(t, p, dhtPatience)
		peers.Same(t, path, filepath.Join(dir, filepath.Base(path)))
	})
	t.Run("finds Transmission", func(t *testing.T) {
		t.Parallel()
		d.awaitAnnounce(t, transmissionHash, transmission)
		dir, _ := d.ups[3].get(t, bare(transmissionHash))
		peers.Same(t, ofTransmission, filepath.Join(dir, filepath.Base(ofTransmission)))
	})
	t.Run("with the saved table alone", func(t *testing.T) {
		t.Parallel()
		d.awaitAnnounce(t, libtorrentHash, libtorrent)
		n := d.node()
		n.get(t, bare(libtorrentHash)) // it has been in
		d.door.Kill()
		path, hash := d.share(t, d.ups[4], 12)
		d.awaitAnnounce(t, hash, d.ups[4].addr)
		dir, _ := n.get(t, bare(hash))
		peers.Same(t, path, filepath.Join(dir, filepath.Base(path)))
	})
	// BEP 5: "Peers that receive this message should attempt to ping the node on the received port and IP address of the remote
	// peer."
	t.Run("gets in by the word of a peer", func(t *testing.T) {
		t.Parallel()
		n := d.node()
		n.dht = dead.String()
		n.up(t)
		n.get(t, bare(libtorrentHash), "--peer", libtorrent.String())
		n.joins(t)
		// In it, another object is found without a peer's word.
		_, hash := d.share(t, d.ups[5], 13)
		d.awaitAnnounce(t, hash, d.ups[5].addr)
		n.get(t, bare(hash))
	})
	t.Run("has a peer get in by its word", func(t *testing.T) {
		t.Parallel()
		_, hash, by := d.offer(t, peers.Libtorrent, 4, dead)
		d.ups[6].get(t, bare(hash), "--peer", by.String())
		d.awaitAnnounce(t, hash, by)
	})
}
