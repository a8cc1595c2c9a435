// Package ceiling says how many connections and slots a machine has room for, where its user has not said so. It knows no
// system: what the machine has to give is handed in.
//
// What a peer takes at most is known from the rooms that serve it (internal/network/bittorrent): of its own the 4 KiB on which it
// waits, what a block takes each way where no large buffer is left, and under TLS what a record is sealed in, its frames and its
// goroutines; and what the system keeps for its socket. An eighth of the memory may go there, and no more than half of the files
// that may be open: the others are what is shared, the catalog and other sockets. The large buffers that payload flows through
// are those of all peers together, as the pieces under way are.
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
	// Buffers is the memory of the large buffers of all connections, in bytes.
	Buffers int64
	// Files is how many may be open; 0 is not known.
	Files int64
	// Why says what decided.
	Why string
}

const (
	kib = 1 << 10
	mib = 1 << 20

	// perPeer is what a peer takes at most: what it waits on, a block each way, a sealed record; frames, stacks and what is
	// remembered of it; and, in the system, a portion each way.
	perPeer = 4*kib + 2*16*kib + 25*kib + 60*kib + 2*256*kib
	// shares of the memory.
	peersShare, piecesShare, buffersShare = 8, 16, 8

	leastPeers, mostPeers, usualPeers = 50, 1000, 200
	leastSlots, usualSlots, mostSlots = 4, 8, 200
	leastPieces, usualPieces          = 8 * mib, 32 * mib
	leastBuffers, usualBuffers        = 8 * mib, 64 * mib
)

// Of says what a machine has room for.
func Of(m Machine) Ceilings {
	c := Ceilings{Peers: usualPeers, Pieces: usualPieces, Buffers: usualBuffers, Files: m.OpenFiles, Why: "the usual"}
	if memory, what := m.memory(); memory > 0 {
		c.Peers = bounded(memory/peersShare/perPeer, leastPeers, mostPeers)
		c.Pieces = min(max(memory/piecesShare, leastPieces), usualPieces)
		c.Buffers = min(max(memory/buffersShare, leastBuffers), usualBuffers)
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
