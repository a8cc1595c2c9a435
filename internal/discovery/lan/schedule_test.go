package lan_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/discovery/lan"
	"github.com/potluck-p2p/potluck/internal/wire/lsd"
)

var epoch = time.Unix(1_700_000_000, 0)

func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

func hash(n int) [20]byte { return [20]byte{byte(n >> 8), byte(n)} }

func hashes(n int) (list [][20]byte) {
	for i := range n {
		list = append(list, hash(i))
	}
	return list
}

// follow runs a schedule for a while and returns when each info-hash was told of, and how many datagrams went out.
func follow(s *lan.Schedule, from time.Time, long time.Duration) (told map[[20]byte][]time.Duration, datagrams []time.Duration) {
	told = map[[20]byte][]time.Duration{}
	for now := from; now.Sub(from) < long; {
		for {
			list := s.Due(now)
			if len(list) == 0 {
				break
			}
			s.Sent(now, list)
			datagrams = append(datagrams, now.Sub(from))
			for _, h := range list {
				told[h] = append(told[h], now.Sub(from))
			}
		}
		next := s.Next()
		if next.IsZero() {
			break
		}
		if !next.After(now) {
			next = now.Add(time.Second) // all that is due must have waited for something
		}
		now = next
	}
	return told, datagrams
}

func TestAFewObjectsHaveADatagramEach(t *testing.T) {
	s := lan.NewSchedule(random(5))
	s.Set(epoch, hashes(5))
	told, datagrams := follow(s, epoch, time.Hour)
	if len(datagrams) < 5*10 || len(datagrams) > 5*12 || datagrams[4] > 2*time.Second {
		t.Error(len(datagrams), datagrams[:5])
	}
	n := 0
	for h, times := range told {
		n += len(times)
		for i := range times[1:] {
			if d := times[i+1] - times[i]; d < 5*time.Minute || d > 7*time.Minute {
				t.Error(h, "told again after", d)
			}
		}
	}
	if n != len(datagrams) || len(told) != 5 {
		t.Errorf("%d info-hashes in %d datagrams, %d different", n, len(datagrams), len(told))
	}
}

func TestSomeObjectsShareADatagramEveryFiveMinutes(t *testing.T) {
	s := lan.NewSchedule(random(1))
	s.Set(epoch, hashes(20))
	told, datagrams := follow(s, epoch, time.Hour)
	if len(datagrams) < 10 || len(datagrams) > 12 || datagrams[0] > 2*time.Second {
		t.Error(datagrams)
	}
	for h, times := range told {
		if len(times) != len(datagrams) {
			t.Error(h, times)
		}
		for i := range times[1:] {
			if d := times[i+1] - times[i]; d < 5*time.Minute || d > 6*time.Minute {
				t.Error(h, "told again after", d)
			}
		}
	}
	if len(told) != 20 {
		t.Error(len(told))
	}
}

func TestManyObjectsTakeTurns(t *testing.T) {
	s := lan.NewSchedule(random(2))
	s.Set(epoch, hashes(600))
	told, datagrams := follow(s, epoch, 2*time.Hour)
	if len(datagrams) > 120+5 {
		t.Errorf("%d datagrams in two hours", len(datagrams))
	}
	if len(told) != 600 {
		t.Error("told of", len(told))
	}
	turn := time.Duration(600/lsd.MaxHashes+2) * time.Minute
	for h, times := range told {
		for i := range times[1:] {
			if d := times[i+1] - times[i]; d < 5*time.Minute || d > turn {
				t.Error(h, "told again after", d)
			}
		}
	}
}

func TestWhatComesAndGoes(t *testing.T) {
	s := lan.NewSchedule(random(3))
	if !s.Next().IsZero() || s.Due(epoch) != nil {
		t.Error("something to tell")
	}
	now := epoch
	s.Set(now, hashes(8))
	if !s.Has(hash(7)) || s.Has(hash(8)) {
		t.Error("what is active")
	}
	now = now.Add(2 * time.Second)
	s.Sent(now, s.Due(now))
	// Ended and begun anew: not told of again so soon. Something new is, although it is alone.
	s.Set(now, hashes(7))
	if s.Has(hash(7)) {
		t.Error("still active")
	}
	s.Set(now, hashes(9))
	now = now.Add(2 * time.Second)
	list := s.Due(now)
	if len(list) != 1 || list[0] != hash(8) {
		t.Fatal(list)
	}
	s.Sent(now, list)
	// It takes along what will be due soon.
	now = now.Add(5*time.Minute + 30*time.Second)
	if list := s.Due(now); len(list) != 9 {
		t.Error(list)
	}
	// What could not be sent is tried again after a minute.
	s.Failed(now)
	if list := s.Due(now.Add(59 * time.Second)); list != nil || s.Next() != now.Add(time.Minute) {
		t.Error(list, s.Next().Sub(now))
	}
	if list := s.Due(now.Add(time.Minute)); len(list) != 9 {
		t.Error(list)
	}
	s.Set(now, nil)
	if !s.Next().IsZero() {
		t.Error("nothing is active")
	}
}

// A flood of objects, one after the other, is no flood of datagrams.
func TestBurstIsBounded(t *testing.T) {
	s := lan.NewSchedule(random(4))
	sent := 0
	for i := range 600 {
		now := epoch.Add(time.Duration(i) * time.Second)
		s.Set(now, hashes(i+1))
		if list := s.Due(now); len(list) > 0 {
			s.Sent(now, list)
			sent++
		}
	}
	if sent > 5+10 {
		t.Errorf("%d datagrams in ten minutes", sent)
	}
}
