package tracker

import (
	"errors"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/urls"
	wire "github.com/potluck-p2p/potluck/internal/wire/tracker"
)

const (
	firstRetry = 15 * time.Second
	lastRetry  = time.Hour
	// noWay is the time after which we look whether we got an address of a family, or the tracker did.
	noWay = 10 * time.Minute
	// closedWay is the time after which we look whether the only way that we may take is open again.
	closedWay = 3 * time.Second
	never     = 365 * 24 * time.Hour
)

// patience is how long a tracker is left alone after so many failures in a row.
func (a *Announcer) patience(err error, fails int) time.Duration {
	var (
		failure *wire.Failure
		refused *urls.Error
	)
	switch {
	case errors.As(err, &failure) && failure.Never:
		return never
	case errors.As(err, &failure) && failure.Retry > 0:
		return max(failure.Retry, shortest)
	case errors.As(err, &refused):
		return lastRetry // a name may get another address
	case noRoute(err):
		return noWay
	case netx.IsNoWay(err):
		return closedWay
	}
	wait := lastRetry
	if shift := fails - 1; shift < 10 {
		wait = min(firstRetry<<shift, lastRetry)
	}
	// A tracker that comes back is not to be met by everybody at once.
	return wait + time.Duration(a.rng.Int64N(int64(wait)/4))
}

// noRoute reports that the tracker could not be asked over the family at all: it says nothing about the tracker.
func noRoute(err error) bool {
	return errors.Is(err, urls.ErrNoAddress) || errors.Is(err, netx.ErrFamily) || errors.Is(err, netx.ErrNoDatagrams) || netx.IsUnreachable(err)
}
