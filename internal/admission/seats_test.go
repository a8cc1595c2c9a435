package admission

import "testing"

// A crowd that comes to every object leaves seats for others, and has back what it gave back.
func TestSeatsOfOneCrowd(t *testing.T) {
	seats := NewSeats(200)
	got := 0
	for range 1000 {
		if seats.Take(network(1)) {
			got++
		}
	}
	if got != 150 {
		t.Errorf("the crowd holds %d", got)
	}
	for i := range 50 {
		if !seats.Take(network(2 + i)) {
			t.Fatalf("no seat for number %d", i)
		}
	}
	if !seats.Full() || seats.Take(network(99)) {
		t.Error("there are more seats than there are")
	}
	for range got {
		seats.Free(network(1))
	}
	if len(seats.held) != 50 || seats.taken != 50 {
		t.Errorf("%d networks, %d taken", len(seats.held), seats.taken)
	}
}

func TestHalfOpenSeats(t *testing.T) {
	seats := NewSeats(1)
	seats.Dialling(maxHalfOpen - 1)
	if !seats.MayDial() {
		t.Error("too few attempts")
	}
	seats.Dialling(1)
	if seats.MayDial() {
		t.Error("too many attempts")
	}
	var none *Seats
	none.Dialling(1)
	none.Free(network(1))
	if !none.MayDial() || none.Full() || !none.Take(network(1)) {
		t.Error("no seats are a bound")
	}
}
