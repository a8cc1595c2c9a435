package gate

import (
	"errors"

	"github.com/potluck-p2p/potluck/internal/addressbook"
)

// Reasons for which a connection is refused or ended, none of them the peer's fault.
var (
	ErrFelt      = errors.New("swarm: somebody is there, which is all we wanted to know")
	ErrSelf      = errors.New("swarm: connected to ourselves")
	ErrFull      = errors.New("swarm: enough peers")
	ErrDuplicate = errors.New("swarm: already connected to this peer")
	ErrNotMoving = errors.New("swarm: the object is stopped")
	ErrStopped   = errors.New("swarm: the object was stopped")
	ErrUseless   = errors.New("swarm: neither side has anything for the other")
)

// outcome is what the end of a connection means for its address.
func outcome(cause error) addressbook.Outcome {
	switch {
	case errors.Is(cause, ErrSelf):
		return addressbook.Self
	case errors.Is(cause, ErrNotMoving), errors.Is(cause, ErrStopped):
		return addressbook.Stopped
	case errors.Is(cause, ErrFull), errors.Is(cause, ErrDuplicate):
		return addressbook.Unneeded
	case errors.Is(cause, ErrUseless):
		return addressbook.Useless
	case errors.Is(cause, ErrFelt):
		return addressbook.Felt
	}
	return addressbook.Broken
}
