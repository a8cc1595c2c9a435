package table

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// invalid is a port by which the tests tell nodes whose IDs are not valid.
const invalid = 666

func isValid(n krpc.Node) bool { return n.Addr.Port() != invalid }

func newTable() (*Table, *rand.Rand) {
	rng := rand.New(rand.NewChaCha8([32]byte{1}))
	return New(epoch, krpc.ID{}, isValid, rng), rng
}

// address is one of many, each in a network of its own.
func address(i int, port uint16) netip.AddrPort {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(30<<24+i<<8))
	return netip.AddrPortFrom(netip.AddrFrom4(b), port)
}

// far is a node in the half of IDs in which ours is not, near one in a part of 1/2^depth around it.
func far(i int) krpc.Node { return prefixed(0x80, i) }

func prefixed(first byte, i int) krpc.Node {
	id := krpc.ID{first}
	binary.BigEndian.PutUint32(id[16:], uint32(i))
	return krpc.Node{ID: id, Addr: address(i, 6881)}
}

func random(rng *rand.Rand, i int) krpc.Node {
	var id krpc.ID
	for j := 0; j < len(id); j += 4 {
		binary.BigEndian.PutUint32(id[j:], rng.Uint32())
	}
	return krpc.Node{ID: id, Addr: address(i, 6881)}
}

func has(t *Table, n krpc.Node) bool { return slices.Contains(t.All(), n) }

func TestManyNodesFillFewPlaces(t *testing.T) {
	table, rng := newTable()
	var all []krpc.Node
	for i := range 20_000 {
		n := random(rng, i)
		all = append(all, n)
		table.Answered(epoch, n)
	}
	count, good := table.Len(epoch)
	if count > 250 || count < 150 || good != count || count != len(table.hosts) {
		t.Errorf("%d nodes, %d good, %d addresses", count, good, len(table.hosts))
	}
	for i, b := range table.buckets {
		if len(b.entries) > size(i) || len(b.spare) > maxSpare {
			t.Errorf("bucket %d has %d and %d spare", i, len(b.entries), len(b.spare))
		}
		for _, e := range b.entries {
			if table.index(e.node.ID) != i {
				t.Errorf("%v in bucket %d", e.node.ID, i)
			}
		}
	}
	// All of the nearest are there.
	slices.SortFunc(all, func(a, b krpc.Node) int { return krpc.Closer(table.own, a.ID, b.ID) })
	if got := table.Closest(epoch, table.own, K); !slices.Equal(got, all[:K]) {
		t.Error(got)
	}
}

func TestClosestIsWhatSortingAllWouldGive(t *testing.T) {
	table, rng := newTable()
	for i := range 3000 {
		table.Answered(epoch, random(rng, i))
	}
	for range 200 {
		target := random(rng, 0).ID
		if rng.IntN(2) == 0 {
			target[0], target[1] = 0, target[1]&3 // near us
		}
		all := table.All()
		slices.SortFunc(all, func(a, b krpc.Node) int { return krpc.Closer(target, a.ID, b.ID) })
		if got := table.Closest(epoch, target, K); !slices.Equal(got, all[:K]) {
			t.Fatalf("to %v: %v, want %v", target, got, all[:K])
		}
	}
}

// fill makes the far half full and the near one not empty, so that nothing splits any more.
func fill(t *Table, now time.Time) {
	for i := range topSize {
		t.Answered(now, far(i))
	}
	for i := range K + 1 {
		t.Answered(now, prefixed(0x40, 1000+i))
	}
}

func TestGoodNodesKeepTheirPlace(t *testing.T) {
	table, _ := newTable()
	fill(table, epoch)
	for i := range 1000 {
		table.Answered(epoch, far(5000+i))
	}
	for i := range topSize {
		if !has(table, far(i)) {
			t.Fatal("evicted", i)
		}
	}
}

func TestTestBeforeEvict(t *testing.T) {
	table, _ := newTable()
	fill(table, epoch)
	for i := 1; i < topSize; i++ {
		table.Answered(epoch.Add(10*time.Minute), far(i))
	}
	newcomer := far(5000)
	now := epoch.Add(16 * time.Minute)
	table.Answered(now, newcomer)
	if has(table, newcomer) {
		t.Fatal("a silent node is evicted untested")
	}
	old := far(0)
	if got := table.Maintain(now).Ping; !slices.Contains(got, old) {
		t.Fatal("not tested:", got)
	}
	if got := table.Maintain(now).Ping; got != nil {
		t.Fatal("tested twice:", got)
	}
	table.Failed(now, old)
	if !has(table, old) {
		t.Fatal("evicted after one failure")
	}
	now = table.Due()
	if got := table.Maintain(now).Ping; !slices.Contains(got, old) {
		t.Fatal("not tested again:", got)
	}
	table.Failed(now, old)
	if has(table, old) || !has(table, newcomer) {
		t.Error("the newcomer did not take its place")
	}
}

func TestTestedNodesThatAnswerStay(t *testing.T) {
	table, _ := newTable()
	fill(table, epoch)
	newcomer := far(5000)
	now := epoch.Add(16 * time.Minute)
	table.Answered(now, newcomer)
	for range 500 {
		chores := table.Maintain(now)
		for _, n := range chores.Ping {
			table.Answered(now, n)
		}
		if now = now.Add(pace); len(chores.Ping) == 0 && now.After(epoch.Add(30*time.Minute)) {
			break
		}
	}
	if count, good := table.Len(now); has(table, newcomer) || good != count {
		t.Error(count, good)
	}
}

func TestWhoNeverAnswersNeverEnters(t *testing.T) {
	table, _ := newTable()
	n := far(1)
	table.Asked(epoch, n)
	if got := table.Maintain(epoch).Ping; !slices.Equal(got, []krpc.Node{n}) || has(table, n) {
		t.Fatal(got)
	}
	table.Failed(epoch, n)
	if has(table, n) || len(table.Closest(epoch, n.ID, K)) > 0 {
		t.Error("it is there")
	}
	// Made up queries fill no memory, and make us send little.
	for i := range 100_000 {
		table.Asked(epoch, far(i))
	}
	if len(table.untested) > maxUntested {
		t.Error(len(table.untested))
	}
	if got := table.Maintain(epoch); len(got.Ping) > 0 {
		t.Error("within the pace:", len(got.Ping))
	}
	if got := table.Maintain(table.Due()); len(got.Ping) > maxUntested {
		t.Error(len(got.Ping))
	}
}

func TestOneNodePerAddressAndNetwork(t *testing.T) {
	table, _ := newTable()
	first := far(1)
	table.Answered(epoch, first)
	for i := range 255 {
		n := far(100 + i)
		b := first.Addr.Addr().As4()
		b[3] = byte(i + 1)
		n.Addr = netip.AddrPortFrom(netip.AddrFrom4(b), 6881)
		table.Answered(epoch, n)
	}
	if count, _ := table.Len(epoch); count != 1 {
		t.Errorf("%d nodes of one network in one bucket", count)
	}
	// One address is one node, in all buckets together.
	for i := range 100 {
		n := prefixed(byte(1<<(i%8)), 300+i)
		n.Addr = netip.AddrPortFrom(first.Addr.Addr(), uint16(1000+i))
		table.Answered(epoch, n)
	}
	if got := table.All(); !slices.Equal(got, []krpc.Node{first}) {
		t.Error(got)
	}
	// In a local network, and on this machine, everybody is a neighbour.
	for i := range 20 {
		n := far(500 + i)
		n.Addr = netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(1000+i))
		table.Answered(epoch, n)
	}
	if count, _ := table.Len(epoch); count != 21 {
		t.Error(count)
	}
	six, _ := newTable()
	for i := range 10 {
		a := netip.MustParseAddr("2a00:1:2:3::").As16()
		a[15] = byte(i)
		six.Answered(epoch, krpc.Node{ID: far(i).ID, Addr: netip.AddrPortFrom(netip.AddrFrom16(a), 1)})
	}
	if count, _ := six.Len(epoch); count != 1 {
		t.Errorf("%d nodes of one /64", count)
	}
}

func TestIDsAreNotTakenOver(t *testing.T) {
	table, _ := newTable()
	victim := far(1)
	table.Answered(epoch, victim)
	thief := krpc.Node{ID: victim.ID, Addr: address(99, 6881)}
	table.Answered(epoch, thief)
	if !has(table, victim) || has(table, thief) {
		t.Error("an ID was taken over")
	}
	table.Failed(epoch, victim)
	table.Failed(epoch, victim)
	table.Answered(epoch, thief)
	if has(table, victim) || !has(table, thief) {
		t.Error("an ID is lost with its node")
	}
	// Who answers under another ID than before is not who was entered.
	other := krpc.Node{ID: far(2).ID, Addr: thief.Addr}
	table.Answered(epoch, other)
	if has(table, thief) || !has(table, other) {
		t.Error(table.All())
	}
}

func TestValidIDsArePreferred(t *testing.T) {
	table, _ := newTable()
	bad := func(i int) krpc.Node { return krpc.Node{ID: far(i).ID, Addr: address(i, invalid)} }
	for i := range topSize {
		table.Answered(epoch, bad(i))
	}
	for i := range K + 1 {
		table.Answered(epoch, prefixed(0x40, 1000+i))
	}
	for i := range topSize {
		table.Answered(epoch, far(2000+i))
	}
	for i := range topSize {
		if !has(table, far(2000+i)) {
			t.Fatal("a node with a valid ID has no place", i)
		}
	}
	table.Answered(epoch, bad(3000))
	if has(table, bad(3000)) {
		t.Error("the other way round")
	}
	// The same within a network.
	table, _ = newTable()
	table.Answered(epoch, bad(1))
	good := krpc.Node{ID: far(2).ID, Addr: netip.AddrPortFrom(bad(1).Addr.Addr().Next(), 6881)}
	table.Answered(epoch, good)
	if got := table.All(); !slices.Equal(got, []krpc.Node{good}) {
		t.Error(got)
	}
}

func TestRefreshLooksIntoTheBucket(t *testing.T) {
	table, rng := newTable()
	for i := range 2000 {
		table.Answered(epoch, random(rng, i))
	}
	chores := table.Maintain(epoch.Add(freshness))
	if len(chores.LookUp) != len(table.buckets) {
		t.Fatalf("%d of %d", len(chores.LookUp), len(table.buckets))
	}
	for i, id := range chores.LookUp {
		if table.index(id) != i {
			t.Errorf("%v is not of bucket %d", id, i)
		}
	}
	if again := table.Maintain(table.Due()); again.LookUp != nil {
		t.Error("looked up again:", len(again.LookUp))
	}
}

func TestDeadNodesGo(t *testing.T) {
	table, rng := newTable()
	for i := range 100 {
		table.Answered(epoch, random(rng, i))
	}
	now := epoch
	rounds := 0
	for ; now.Before(epoch.Add(24 * time.Hour)); rounds++ {
		if at := table.Due(); at.Before(now.Add(pace)) && rounds > 0 {
			t.Fatal("maintenance in haste", at)
		}
		now = table.Due()
		for _, n := range table.Maintain(now).Ping {
			table.Failed(now, n)
		}
	}
	if count, _ := table.Len(now); count != 0 || len(table.hosts) != 0 || rounds > 2000 {
		t.Error(count, len(table.hosts), rounds)
	}
}

func TestRekeyKeepsTheNodes(t *testing.T) {
	table, rng := newTable()
	for i := range 2000 {
		table.Answered(epoch, random(rng, i))
	}
	before, _ := table.Len(epoch)
	old := table.All()
	own := random(rng, 0).ID
	table.Rekey(epoch, own)
	after, good := table.Len(epoch)
	if after < before/3 || good != after || table.own != own {
		t.Error(before, after, good)
	}
	for _, n := range table.All() {
		if !slices.Contains(old, n) {
			t.Error("a stranger")
		}
	}
}
