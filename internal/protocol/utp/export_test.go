package utp

import "fmt"

// Check holds a connection's invariants: what it counts is what is there, and what it holds is within its bounds.
func (c *Conn) Check() error {
	var inFlight, flying, resent, lost, lostBytes int
	o := &c.out
	for seq := o.una; seq != o.next && len(o.ring) > 0; seq++ {
		p := o.at(seq)
		switch p.state {
		case packetInFlight:
			inFlight += p.n
			flying++
			if p.sends > 1 {
				resent++
			}
		case packetLost:
			lost++
			lostBytes += p.n
			if before(seq, o.lostFrom) {
				return fmt.Errorf("packet %d is lost, before the first of these, %d", seq, o.lostFrom)
			}
		}
	}
	if got, want := [5]int{o.inFlight, o.flying, o.resent, o.lost, o.lostBytes}, [5]int{inFlight, flying, resent, lost, lostBytes}; got != want {
		return fmt.Errorf("outgoing counts %v and has %v", got, want)
	}
	if flying > 0 && c.rtoAt.IsZero() {
		return fmt.Errorf("%d packets in flight without a timeout", flying)
	}
	if o.una != o.next && o.at(o.una).off != o.data.start {
		return fmt.Errorf("the first packet begins at %d, the bytes at %d", o.at(o.una).off, o.data.start)
	}
	r := &c.in.ahead
	count, bytes, live := 0, 0, 0
	for _, s := range r.slots {
		if s.kind != slotEmpty {
			count++
			bytes += s.n
		}
	}
	for _, b := range r.blocks {
		live += b.live
	}
	if got, want := [3]int{r.count, r.bytes, live}, [3]int{count, bytes, count}; got != want {
		return fmt.Errorf("reorder counts %v and has %v", got, want)
	}
	if len(r.blocks) > r.maxBlocks || c.in.data.len() > c.in.capacity {
		return fmt.Errorf("%d blocks and %d bytes are held", len(r.blocks), c.in.data.len())
	}
	return nil
}

// Unacked is how many bytes written are not acknowledged.
func (c *Conn) Unacked() int { return c.out.data.len() }

// Left is how many bytes of a memory are free.
func Left(m *Memory) int { return int(m.left.Load()) }
