package utp

import "time"

const (
	// firstWindowProbe is when a closed window is asked about for the first time; then half as often each time.
	firstWindowProbe = time.Second
	maxWindowProbe   = 15 * time.Second // libutp's pace

	// maxWindow is what larger windows count as.
	maxWindow = 1 << 30
)

// peerWindow is the room that the peer has told us of.
type peerWindow struct {
	size     int // bytes
	largest  int // that it ever had
	probeAt  time.Time
	interval time.Duration // between the last probe and this
}

func (w *peerWindow) set(size uint32) {
	w.size = int(min(size, maxWindow))
	w.largest = max(w.largest, w.size)
}

// packets is how many packets the peer keeps when the first of them is missing. Libtorrent has room for one per 1100 bytes of
// its buffer, libutp for 1024 with its 1 MiB.
func (w *peerWindow) packets() int { return min(max(w.largest/1100, 16), maxAhead) }

// blocked notes that there is something to send and no room, with nothing on its way whose acknowledgement would tell of some. It
// reports whether it is time to ask by sending all the same.
func (w *peerWindow) blocked(now time.Time) (probe bool) {
	if w.probeAt.IsZero() {
		w.interval = min(max(2*w.interval, firstWindowProbe), maxWindowProbe)
		w.probeAt = now.Add(w.interval)
	}
	return due(now, w.probeAt)
}

// unblocked notes that nothing waits for room.
func (w *peerWindow) unblocked() { w.probeAt = time.Time{} }

// sent notes that so many bytes went out.
func (w *peerWindow) sent(n int) {
	if w.unblocked(); n <= w.size {
		w.interval = 0
	}
}
