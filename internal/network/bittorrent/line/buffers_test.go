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
