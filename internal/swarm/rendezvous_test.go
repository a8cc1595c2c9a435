package swarm

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// The ids that we give ut_holepunch and ut_pex, and that the strangers of these tests give them.
const (
	ourPunch, ourPEX     = 5, 3
	theirPunch, theirPEX = 71, 72
)

// meetings is a swarm that punches holes, and what its peers hear of that.
type meetings struct {
	t   *testing.T
	s   *Swarm
	now time.Time
	ids map[byte]PeerID
}

func newMeetings(t *testing.T, change ...func(*Config, *Content)) *meetings {
	t.Helper()
	w := newWorld(t, smallThing(t, metainfo.FormatV1))
	punches := func(c *Config, _ *Content) {
		c.Holepunch = true
		c.Accept = func(a netip.AddrPort) bool { return !a.Addr().IsPrivate() }
	}
	return &meetings{t: t, s: w.leech(append([]func(*Config, *Content){punches}, change...)...).swarm, now: w.now, ids: map[byte]PeerID{}}
}

// join lets stranger k in, who listens on port 6000+k and speaks the extensions.
func (m *meetings) join(k byte, change func(*Joining), extensions ...string) PeerID {
	m.t.Helper()
	j := stranger(k)
	if change != nil {
		change(&j)
	}
	id, err := m.s.Join(m.now, j)
	if err != nil {
		m.t.Fatal(err)
	}
	m.ids[k] = id
	h := wire.ExtHandshake{Port: 6000 + uint16(k), M: map[string]uint8{}}
	for _, name := range extensions {
		h.M[name] = map[string]uint8{wire.ExtHolepunch: theirPunch, wire.ExtPEX: theirPEX}[name]
	}
	tell(m.t, m.s, m.now, id, hello(h))
	m.heard(k)
	return id
}

func (m *meetings) puncher(k byte) PeerID {
	m.t.Helper()
	return m.join(k, nil, wire.ExtHolepunch, wire.ExtPEX)
}

// says gives the swarm a message of ut_holepunch.
func (m *meetings) says(k byte, kind wire.HolepunchKind, addr netip.AddrPort, err wire.HolepunchError) {
	m.t.Helper()
	b := wire.AppendHolepunch(nil, ourPunch, wire.Holepunch{Kind: kind, Addr: addr, Err: err})
	tell(m.t, m.s, m.now, m.ids[k], wire.Message{Type: wire.Extended, Payload: b[5:]})
}

// names has a peer tell of others that it is connected with, by PEX, a minute later.
func (m *meetings) names(k byte, flags wire.PEXFlags, addrs ...netip.AddrPort) {
	m.t.Helper()
	m.now = m.now.Add(time.Minute)
	var told wire.PEX
	for _, a := range addrs {
		told.Added = append(told.Added, wire.PEXPeer{Addr: a, Flags: flags})
	}
	m.exchanges(k, told)
}

func (m *meetings) exchanges(k byte, told wire.PEX) {
	m.t.Helper()
	tell(m.t, m.s, m.now, m.ids[k], wire.Message{Type: wire.Extended, Payload: wire.AppendPEX(nil, ourPEX, told)[5:]})
}

// heard is what was sent to a peer of hole punching since it was last looked at, one string a message.
func (m *meetings) heard(k byte) (list []string) {
	m.t.Helper()
	var box Outbox
	if err := m.s.Outbound(m.now, m.ids[k], &box, 0); err != nil {
		m.t.Fatal(err)
	}
	var p wire.Parser
	for rest := box.Frames; len(rest) > 0; {
		msg, n, err := p.Next(rest)
		if err != nil || n == 0 {
			m.t.Fatal(n, err)
		}
		rest = rest[n:]
		if msg.Type != wire.Extended || msg.Payload[0] != theirPunch {
			continue
		}
		h, err := wire.ParseHolepunch(msg.Payload[1:])
		if err != nil {
			m.t.Fatal(err)
		}
		text := fmt.Sprint(h.Kind, " ", h.Addr)
		if h.Err != 0 {
			text += fmt.Sprintf(" %d", h.Err)
		}
		list = append(list, text)
	}
	return list
}

// hears checks that.
func (m *meetings) hears(k byte, want ...string) {
	m.t.Helper()
	if got := m.heard(k); !slices.Equal(got, want) {
		m.t.Errorf("%d heard %q, want %q", k, got, want)
	}
}

// goesTo checks which addresses are dialled at once.
func (m *meetings) goesTo(want ...netip.AddrPort) {
	m.t.Helper()
	var got []netip.AddrPort
	for {
		addr, _, ok := m.s.NextMeeting(m.now)
		if !ok {
			break
		}
		got = append(got, addr)
	}
	if !slices.Equal(got, want) {
		m.t.Errorf("goes to %v, want %v", got, want)
	}
}

// at is where others are told that stranger k listens.
func at(k byte) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, k}), 6000+uint16(k))
}

// TestInTheMiddle: whoever asks for a peer that can be met is told of it, and it of him; whoever cannot have what he asks for is told
// why.
func TestInTheMiddle(t *testing.T) {
	here, six := at(2), netip.MustParseAddrPort("[2001:db8::7]:6007")
	for _, tt := range []struct {
		name    string
		want    netip.AddrPort
		asker   string
		targets map[byte]string // what others hear
	}{
		{"by where it listens", here, "connect 192.0.2.2:6002", map[byte]string{2: "connect 192.0.2.1:6001"}},
		{"by where its uTP comes from", netip.MustParseAddrPort("192.0.2.3:50000"), "connect 192.0.2.3:50000", map[byte]string{3: "connect 192.0.2.1:6001"}},
		{"by where it listens, though its uTP comes from elsewhere", at(3), "connect 192.0.2.3:50000", map[byte]string{3: "connect 192.0.2.1:6001"}},
		{"by where we dialled it", netip.MustParseAddrPort("192.0.2.4:50000"), "connect 192.0.2.4:50000", map[byte]string{4: "connect 192.0.2.1:6001"}},
		{"one that does not speak it", at(5), "error 192.0.2.5:6005 3", nil},
		{"one at home", at(6), "error 192.0.2.6:6006 2", nil},
		{"one in our house", netip.MustParseAddrPort("10.1.2.3:6008"), "error 10.1.2.3:6008 2", nil},
		{"one of the other family", six, "error [2001:db8::7]:6007 2", nil},
		{"nobody's address", netip.MustParseAddrPort("0.0.0.0:6881"), "error 0.0.0.0:6881 1", nil},
		{"no port", netip.MustParseAddrPort("192.0.2.2:0"), "error 192.0.2.2:0 1", nil},
		{"IPv4 in IPv6 clothes", netip.MustParseAddrPort("[::ffff:192.0.2.2]:6002"), "error [::ffff:192.0.2.2]:6002 1", nil},
		{"us", netip.MustParseAddrPort("198.51.100.1:6001"), "error 198.51.100.1:6001 4", nil},
		{"himself", at(1), "error 192.0.2.1:6001 4", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newMeetings(t)
			m.s.SetOwn(netip.MustParseAddr("198.51.100.1"))
			m.puncher(1)
			m.puncher(2)
			m.join(3, func(j *Joining) { j.UTP = true }, wire.ExtHolepunch)
			m.join(4, func(j *Joining) { j.Outgoing = true }, wire.ExtHolepunch)
			m.join(5, nil, wire.ExtPEX)
			m.join(7, func(j *Joining) { j.Addr = netip.AddrPortFrom(six.Addr(), 50000) }, wire.ExtHolepunch)
			m.join(8, func(j *Joining) { j.Addr = netip.MustParseAddrPort("10.1.2.3:50000") }, wire.ExtHolepunch)
			m.says(1, wire.Rendezvous, tt.want, 0)
			m.hears(1, tt.asker)
			for _, k := range []byte{2, 3, 4, 5, 7, 8} {
				if want, ok := tt.targets[k]; ok {
					m.hears(k, want)
				} else {
					m.hears(k)
				}
			}
			m.goesTo()
		})
	}
}

// TestNotInPrivate: peers of a private object come from its trackers alone (BEP 27), so nobody is told of anybody.
func TestNotInPrivate(t *testing.T) {
	m := newMeetings(t, func(_ *Config, c *Content) {
		info := *c.Info
		info.Private = true
		c.Info = &info
	})
	m.puncher(1)
	m.puncher(2)
	m.says(1, wire.Rendezvous, at(2), 0)
	m.hears(1)
	m.hears(2)
	m.says(1, wire.Connect, at(3), 0)
	m.goesTo()
}

// TestRendezvousFlood: one who asks without end has few of his questions carried out, and one for whom all ask is called now and
// then only.
func TestRendezvousFlood(t *testing.T) {
	m := newMeetings(t)
	for k := range byte(6) {
		m.puncher(k + 1)
	}
	for range 3000 {
		m.says(1, wire.Rendezvous, at(2), 0)
	}
	if asked, called := m.heard(1), m.heard(2); len(asked) != 10 || len(called) != 10 {
		t.Errorf("%d answers, %d calls", len(asked), len(called))
	}
	for k := range byte(3) {
		for range 3000 {
			m.says(k+3, wire.Rendezvous, at(2), 0)
		}
		m.heard(k + 3)
	}
	if called := m.heard(2); len(called) != 10 {
		t.Errorf("%d calls more", len(called))
	}
	m.now = m.now.Add(time.Minute)
	for range 3000 {
		m.says(1, wire.Rendezvous, netip.MustParseAddrPort("203.0.113.1:1"), 0)
	}
	if asked := m.heard(1); len(asked) != 10 {
		t.Errorf("%d errors", len(asked))
	}
}

// TestAsksForAMeeting: a relay that has told of an address is asked for it; if it cannot, the next one is, as long as the address is
// being dialled.
func TestAsksForAMeeting(t *testing.T) {
	m := newMeetings(t)
	m.puncher(1)
	m.puncher(2)
	m.join(3, nil, wire.ExtPEX)
	target, other := netip.MustParseAddrPort("203.0.113.9:6881"), netip.MustParseAddrPort("203.0.113.10:6881")
	m.s.Meet(m.now, target)
	m.hears(1)
	m.names(3, wire.PEXHolepunch, target)
	m.names(1, 0, target)
	if m.s.CanMeet(target) {
		t.Error("by one that does not speak it, or of one that does not")
	}
	m.names(1, wire.PEXHolepunch|wire.PEXUTP, target)
	m.names(2, wire.PEXHolepunch, target)
	if addr, _, ok := m.s.NextDial(m.now); !ok || addr != target {
		t.Fatal(addr, ok)
	}
	if !m.s.CanMeet(target) {
		t.Error("nobody to ask")
	}
	m.s.Meet(m.now, target)
	m.hears(1, "rendezvous 203.0.113.9:6881")
	m.hears(2)
	m.says(1, wire.HolepunchFailed, other, wire.NotConnected) // which nobody asked for
	m.hears(1)
	m.says(1, wire.HolepunchFailed, target, wire.NotConnected)
	m.hears(1)
	m.hears(2, "rendezvous 203.0.113.9:6881")
	m.says(1, wire.HolepunchFailed, target, wire.NotConnected) // once more
	m.hears(2)
	m.says(2, wire.Connect, target, 0)
	m.goesTo() // it is being dialled already
	m.s.DialFailed(m.now, target)

	// Who is gone, or says that the other one is, cannot be asked.
	m.names(1, wire.PEXHolepunch, other)
	if !m.s.CanMeet(other) {
		t.Error("forgotten")
	}
	m.exchanges(1, wire.PEX{Dropped: []netip.AddrPort{other}})
	if m.s.CanMeet(other) {
		t.Error("dropped")
	}
	m.names(2, wire.PEXHolepunch, other)
	m.s.Leave(m.now, m.ids[2], errGone)
	if m.s.CanMeet(other) {
		t.Error("gone")
	}
}

// TestPrefersRelaysOverUTP: such know where our uTP comes from.
func TestPrefersRelaysOverUTP(t *testing.T) {
	m := newMeetings(t)
	m.puncher(1)
	m.join(2, func(j *Joining) { j.UTP = true }, wire.ExtHolepunch, wire.ExtPEX)
	target := netip.MustParseAddrPort("203.0.113.9:6881")
	m.names(1, wire.PEXHolepunch, target)
	m.names(2, wire.PEXHolepunch, target)
	m.s.Meet(m.now, target)
	m.hears(1)
	m.hears(2, "rendezvous 203.0.113.9:6881")
}

// TestComesWhenCalled: whoever a relay names is dialled at once, unless he may not be, or is there already; the connection is known
// for what it is.
func TestComesWhenCalled(t *testing.T) {
	m := newMeetings(t)
	m.puncher(1)
	m.puncher(2)
	m.join(3, nil, wire.ExtPEX)
	initiator := netip.MustParseAddrPort("203.0.113.9:6881")
	for _, a := range []netip.AddrPort{at(2), netip.MustParseAddrPort("192.0.2.2:50000"), netip.MustParseAddrPort("10.0.0.1:6881")} {
		m.says(1, wire.Connect, a, 0)
		m.goesTo()
	}
	m.says(3, wire.Connect, initiator, 0) // does not speak it
	m.goesTo()
	m.says(1, wire.Connect, initiator, 0)
	m.says(1, wire.Connect, initiator, 0)
	m.goesTo(initiator)
	m.hears(1) // BEP 55: nothing, whatever comes of it

	j := stranger(9)
	j.Addr, j.Outgoing, j.UTP = initiator, true, true
	if _, err := m.s.Join(m.now, j); err != nil {
		t.Fatal(err)
	}
	var punched []string
	for _, p := range m.s.Peers(m.now) {
		if p.Punched {
			punched = append(punched, p.Addr.String())
		}
	}
	if !slices.Equal(punched, []string{initiator.String()}) {
		t.Errorf("punched %v", punched)
	}
	m.says(1, wire.Connect, initiator, 0) // it is there
	m.goesTo()

	m.s.Stop(Paused, nil)
	m.s.Resume(m.now)
	m.join(4, nil, wire.ExtHolepunch)
	m.says(4, wire.Connect, netip.MustParseAddrPort("203.0.113.10:6881"), 0)
	m.s.Stop(Paused, nil)
	m.goesTo()
}

// TestLyingRelay: whoever calls us to victims, to many or to one for long, has us send little there.
func TestLyingRelay(t *testing.T) {
	// calls has so many relays call for a time, each ten times a second; nobody answers us. It counts dials of each victim.
	calls := func(t *testing.T, relays byte, during time.Duration, victim func(i int) netip.AddrPort) map[netip.AddrPort]int {
		m := newMeetings(t)
		for k := range relays {
			m.puncher(k + 1)
		}
		dials := map[netip.AddrPort]int{}
		end, i := m.now.Add(during), 0
		for ; m.now.Before(end); m.now = m.now.Add(100 * time.Millisecond) {
			for k := range relays {
				m.says(k+1, wire.Connect, victim(i), 0)
				i++
			}
			for {
				addr, _, ok := m.s.NextMeeting(m.now)
				if !ok {
					break
				}
				dials[addr]++
				m.s.DialFailed(m.now, addr)
			}
			for {
				addr, _, ok := m.s.NextDial(m.now)
				if !ok {
					break
				}
				dials[addr]++
				m.s.DialFailed(m.now, addr)
			}
		}
		return dials
	}
	one := netip.MustParseAddrPort("203.0.113.9:6881")
	t.Run("one victim", func(t *testing.T) {
		dials := calls(t, 3, 20*time.Minute, func(int) netip.AddrPort { return one })
		if dials[one] != 3 {
			t.Errorf("dialled %d times", dials[one])
		}
	})
	t.Run("many victims", func(t *testing.T) {
		dials := calls(t, 1, 5*time.Minute, elsewhere)
		if n := len(dials); n < 30 || n > 36 {
			t.Errorf("%d victims in five minutes", n)
		}
	})
	t.Run("many victims, many liars", func(t *testing.T) {
		dials := calls(t, 20, time.Minute, elsewhere)
		if n := len(dials); n > 24+24 {
			t.Errorf("%d victims in a minute", n)
		}
	})
}

// TestCalledWhenFull: nobody makes room for whom relays call us to.
func TestCalledWhenFull(t *testing.T) {
	m := newMeetings(t, most(2))
	m.puncher(1)
	m.puncher(2)
	m.says(1, wire.Connect, netip.MustParseAddrPort("203.0.113.9:6881"), 0)
	m.goesTo()
	if s := m.s.Snapshot(m.now); s.Peers != 2 || !strings.HasPrefix(string(s.State), "fetch") {
		t.Errorf("%+v", s)
	}
}
