package line

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// There are so many buffers and no more: who comes later gets none, or waits for his turn.
func TestBuffersAreCapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 3
		b := NewBuffers(most)
		var leased []*[]byte
		for range most {
			leased = append(leased, b.Lease())
		}
		if b.Lease() != nil || b.Leased() != most {
			t.Errorf("more than %d are leased", most)
		}
		got := make(chan *[]byte)
		go func() {
			one, err := b.Wait(t.Context())
			if err != nil {
				t.Error(err)
			}
			got <- one
		}()
		synctest.Wait()
		select {
		case <-got:
			t.Fatal("nobody had to wait")
		default:
		}
		b.GiveBack(leased[0])
		leased[0] = <-got
		if len(*leased[0]) != BufferSize || b.Leased() != most {
			t.Errorf("%d bytes, %d leased", len(*leased[0]), b.Leased())
		}
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if one, err := b.Wait(soon); one != nil || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, %v", one, err)
		}
		for _, one := range leased {
			b.GiveBack(one)
		}
		if b.Leased() != 0 {
			t.Errorf("%d are leased", b.Leased())
		}
	})
}

// TestReserve: an eighth is left to those who wait, whatever the others take, and buffers are scarce before that.
func TestReserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 16
		b := NewBuffers(most)
		var leased []*[]byte
		for one := b.Lease(); one != nil; one = b.Lease() {
			leased = append(leased, one)
			if scarce := len(leased) > most*3/4; b.Scarce() != scarce {
				t.Errorf("%d of %d: scarce %v", len(leased), most, !scarce)
			}
		}
		if len(leased) != most-most/8 {
			t.Errorf("%d of %d can be leased", len(leased), most)
		}
		for range most / 8 {
			one, err := b.Wait(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			leased = append(leased, one)
		}
		// What is given back is the reserve's first, whoever had it.
		b.GiveBack(leased[0])
		if b.Lease() != nil {
			t.Error("the reserve was leased")
		}
		one, err := b.Wait(t.Context())
		if leased[0] = one; err != nil || b.Leased() != most {
			t.Errorf("%d leased, %v", b.Leased(), err)
		}
		for _, one := range leased {
			b.GiveBack(one)
		}
		if b.Leased() != 0 || b.Scarce() {
			t.Errorf("%d are leased", b.Leased())
		}
	})
}
