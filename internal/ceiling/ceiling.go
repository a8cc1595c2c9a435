// Package ceiling says how many connections and slots a machine has room for, where its user has not said so. It knows no
// system: what the machine has to give is handed in.
//
// What a peer takes at most is known from the rooms that serve it (internal/network/bittorrent): while payload flows both ways
// a buffer of 256 KiB for each, and under TLS another in which what is sent is sealed, besides the 4 KiB on which an idle one
// waits, its frames and its goroutines. An eighth of the memory may go there, and no more than half of the files that may be
// open: the others are what is shared, the catalog and other sockets.
package ceiling

import "fmt"

// Machine is what there is to give. Zero means not known.
type Machine struct {
	Memory    int64 // bytes of the machine, or of the part of it that we are confined to
	GoLimit   int64 // bytes that the user has set as GOMEMLIMIT
	OpenFiles int64 // how many files we may have open
	Confined  bool  // we are confined to a part of the machine
}

// Ceilings are what there is room for.
type Ceilings struct {
	// Peers is how many may be connected.
	Peers int
	// Slots is how many are served to begin with, MaxSlots how many at most: what is sent, and how fast, makes it more.
	Slots, MaxSlots int
	// Pieces is the memory of pieces under way, in bytes.
	Pieces int64
	// Pressure is from how many bytes of buffers and pieces on nobody else is let in.
	Pressure int64
	// Files is how many may be open; 0 is not known.
	Files int64
	// Why says what decided.
	Why string
}

const (
	kib = 1 << 10
	mib = 1 << 20

	// perPeer is what a peer takes at most: three leased buffers, one to wait on, frames, stacks and what is remembered of it.
	perPeer = 3*256*kib + 4*kib + 60*kib
	// shares of the memory.
	peersShare, piecesShare, pressureShare = 8, 16, 4

	leastPeers, mostPeers, usualPeers = 50, 1000, 200
	leastSlots, usualSlots, mostSlots = 4, 8, 200
	leastPieces, usualPieces          = 8 * mib, 32 * mib
	usualPressure                     = 256 * mib
)

// Of says what a machine has room for.
func Of(m Machine) Ceilings {
	c := Ceilings{Peers: usualPeers, Pieces: usualPieces, Pressure: usualPressure, Files: m.OpenFiles, Why: "the usual"}
	if memory, what := m.memory(); memory > 0 {
		c.Peers = bounded(memory/peersShare/perPeer, leastPeers, mostPeers)
		c.Pieces = min(max(memory/piecesShare, leastPieces), usualPieces)
		c.Pressure = max(memory/pressureShare, 2*c.Pieces)
		c.Why = fmt.Sprintf("for %s of %s", size(memory), what)
	}
	if files := int(min(m.OpenFiles/2, mostPeers)); m.OpenFiles > 0 && files < c.Peers {
		c.Peers = max(files, 1)
		c.Why = fmt.Sprintf("for %d open files", m.OpenFiles)
	}
	c.MaxSlots = bounded(int64(c.Peers/2), leastSlots, mostSlots)
	c.Slots = bounded(int64(c.Peers/10), leastSlots, usualSlots)
	return c
}

// memory is what we may take of it, and what has set that.
func (m Machine) memory() (bytes int64, what string) {
	bytes, what = m.Memory, "memory"
	if m.Confined {
		what = "memory that it is confined to"
	}
	if m.GoLimit > 0 && (bytes == 0 || m.GoLimit < bytes) {
		bytes, what = m.GoLimit, "GOMEMLIMIT"
	}
	return bytes, what
}

func bounded(n int64, least, most int) int { return int(min(max(n, int64(least)), int64(most))) }

func size(bytes int64) string {
	if bytes >= 1<<30 {
		return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
	}
	return fmt.Sprintf("%d MiB", bytes/mib)
}
