package utp

import (
	"testing"
	"time"

	wire "github.com/potluck-p2p/potluck/internal/wire/utp"
)

// flight makes an outgoing with n packets of 100 bytes in flight, sent a millisecond apart.
func flight(n int) *outgoing {
	o := &outgoing{una: 65530, next: 65530, data: fifo{account: new(account)}}
	o.data.write(make([]byte, 100*n))
	for i := range n {
		o.transmit(start.Add(time.Duration(i)*ms), o.push(wire.Data, 100, 0))
	}
	return o
}

func TestLossBySelectiveAcks(t *testing.T) {
	o := flight(10)
	now := start.Add(100 * ms)
	// Of 10 packets 1, 3, 4 and 5 arrive (counted from 0): after 0 come three and more, after 2 exactly three.
	n := o.acknowledge(now, 65529, []byte{0b11101 & 0xff}, 0)
	if n.packets != 4 || n.bytes != 400 || n.rtt != 95*ms {
		t.Errorf("%+v", n)
	}
	l := o.detect(now, time.Hour)
	if l.packets != 2 || o.lost != 2 || o.inFlight != 400 || o.firstLost() != 65530 {
		t.Errorf("%+v, %d in flight", l, o.inFlight)
	}
	// They are sent again, and the second is lost again: three packets sent after it tell.
	o.transmit(now, o.firstLost())
	o.transmit(now, o.firstLost())
	now = now.Add(100 * ms)
	o.acknowledge(now, 65531, nil, 90*ms) // 0 and 1
	if l := o.detect(now, time.Hour); l.packets != 2 {
		t.Fatalf("%d lost: 6 and 7 were sent three before what arrived", l.packets)
	}
	o.transmit(now, o.firstLost())
	o.transmit(now, o.firstLost())
	now = now.Add(100 * ms)
	o.acknowledge(now, 65531, []byte{0b111_1111}, 90*ms) // 3 to 9
	if l := o.detect(now, time.Hour); l.packets != 0 || l.again.IsZero() {
		t.Errorf("%+v: only two were sent after the second transmission of 2", l)
	}
	if l := o.detect(now, 110*ms); l.packets != 1 || o.firstLost() != 65532 {
		t.Errorf("%+v", l)
	}
}

func TestLossByTime(t *testing.T) {
	o := flight(2)
	now := start.Add(50 * ms)
	o.acknowledge(now, 65529, []byte{0b0}, 0)
	o.acknowledge(now, 65529, nil, 0)
	if l := o.detect(now, 60*ms); l.packets != 0 || !l.again.IsZero() {
		t.Errorf("%+v", l)
	}
	o = flight(3)
	o.acknowledge(now, 65529, []byte{0b1}, 0) // the second
	if l := o.detect(now, 60*ms); l.packets != 0 || !l.again.Equal(start.Add(60*ms)) {
		t.Errorf("%+v", l)
	}
	if l := o.detect(start.Add(60*ms), 60*ms); l.packets != 1 || o.firstLost() != 65530 {
		t.Errorf("%+v", l)
	}
}

func TestLossByDuplicates(t *testing.T) {
	o := flight(5)
	for i := range 10 {
		if l := o.duplicate(); (l.packets == 1) != (i == 2) {
			t.Errorf("duplicate %d: %+v", i, l)
		}
		if i == 2 {
			o.transmit(start, o.firstLost())
		}
	}
}

// An answer that comes sooner than any round trip was to the earlier transmission: it says nothing of the later.
func TestAnswerToTheFirstTransmission(t *testing.T) {
	o := flight(2)
	o.lose(65530)
	o.transmit(start.Add(100*ms), 65530)
	n := o.acknowledge(start.Add(101*ms), 65530, nil, 50*ms)
	if n.rtt != 0 || o.pastOrder != 0 {
		t.Errorf("%+v, %d", n, o.pastOrder)
	}
}
