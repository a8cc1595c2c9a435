package utp

import "errors"

// How a connection ends other than by FINs in both directions. Which side is to blame is in the name.
var (
	ErrReset   = errors.New("the peer reset the uTP connection")
	ErrRefused = errors.New("the peer refused the uTP connection")
	ErrTimeout = errors.New("the peer does not answer over uTP")
	ErrClosed  = errors.New("the uTP connection is closed")

	// ErrNoID says that all connection ids of an address are in use, ErrFull that there are MaxConns connections.
	ErrNoID = errors.New("no free uTP connection id")
	ErrFull = errors.New("too many uTP connections")
)
