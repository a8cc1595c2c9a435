package addressbook

import (
	"net/netip"
	"time"
)

// Outcome is why a connection, or an attempt at one, is over.
type Outcome uint8

// The outcomes. Broken is every failure, of whomever.
const (
	Broken   Outcome = iota
	Self             // it is ourselves who listen there
	Stopped          // the object was stopped
	Unneeded         // one side has enough, or the two are connected already
	Useless          // neither has anything for the other
	Felt             // a feeler found somebody
	NoWay            // we have no way out ourselves
)

const (
	// maxTries is how often an address that is only a hint is tried before it is given up, maxLinkTries one that is more.
	maxTries     = 3
	maxLinkTries = 12
	// goodFor is how long a connection must have lasted to be held for a success.
	goodFor = time.Minute
	// provenFails is how many failures are held against an address that is proven once more.
	provenFails = 3
	// laterAgain is the wait after a connection that one side did not need.
	laterAgain = time.Minute
	// wayAgain is the wait after an attempt for which we had no way out.
	wayAgain = 10 * time.Second
	// uselessFor is the wait after a connection of which neither side had a use.
	uselessFor = 10 * time.Minute
	// givenUp is the wait after the last of the tries.
	givenUp = time.Hour
)

// Failed is told that no connection came of an address that is being dialled. Of one that Left was told of it does nothing.
func (b *Book) Failed(now time.Time, addr netip.AddrPort) {
	if b.IsDialled(addr) {
		b.Left(now, addr, Broken)
	}
}

// Barred is told that an address that is being dialled was not reached since we have no way out ourselves, which is not held
// against it. Of one that Left was told of it does nothing.
func (b *Book) Barred(now time.Time, addr netip.AddrPort) {
	if b.IsDialled(addr) {
		b.Left(now, addr, NoWay)
	}
}

// Again counts another try at an address that is being dialled, and reports whether it may be made at once. A hint gets no more
// tries for that.
func (b *Book) Again(addr netip.AddrPort) bool {
	e := b.table[unmap(addr)]
	if e == nil || e.phase != dialling && e.phase != feeling {
		return false
	}
	if e.origin.hint() && !e.proven() && e.fails+1 >= maxTries {
		return false
	}
	e.fails++
	return true
}

// Left is told that a connection with an address, or the attempt at one, is over.
func (b *Book) Left(now time.Time, addr netip.AddrPort, why Outcome) {
	if e := b.table[unmap(addr)]; e != nil && e.phase != ourselves {
		b.leave(now, e, why)
	}
}

func (b *Book) leave(now time.Time, e *entry, why Outcome) {
	if e.phase == linked && now.Sub(e.since) >= goodFor {
		e.fails = 0
	}
	b.endDial(e)
	b.unqueue(e)
	switch why {
	case Self:
		e.phase = ourselves
		return
	case Stopped:
		b.wait(e, now)
	case Unneeded:
		b.wait(e, now.Add(laterAgain))
	case NoWay:
		b.wait(e, now.Add(wayAgain))
	case Useless:
		b.wait(e, now.Add(uselessFor))
	case Felt:
		e.fails, e.lives = 0, true
		b.wait(e, now.Add(laterAgain))
	default:
		e.fails++
		e.lives = false
		if e.fails >= maxTries {
			b.forgive(e)
		}
		b.wait(e, now.Add(e.backoff()))
	}
}

// backoff is how long an address that failed is left alone.
func (e *entry) backoff() time.Duration {
	wait := time.Second << min(e.fails, 6)
	switch {
	case e.origin == FromUser, (e.origin == FromLink || e.proven()) && e.fails < maxLinkTries:
		return wait
	case e.fails >= maxTries:
		return givenUp
	}
	return 8 * wait
}

// Moved is told that payload went over a connection with an address: whoever gave us something is not to be lost by three
// broken connections.
func (b *Book) Moved(now time.Time, addr netip.AddrPort, bytes int64) {
	if e := b.table[unmap(addr)]; e != nil && bytes > 0 {
		e.moved += bytes
		e.seen = now
		e.fails = min(e.fails, provenFails)
		b.reorder(e)
	}
}
