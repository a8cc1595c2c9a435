package node

import (
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/filter"
	"github.com/potluck-p2p/potluck/internal/node/blocking"
	"github.com/potluck-p2p/potluck/internal/schedule"
)

// Limits are the rates in force, in bytes per second; 0 is no limit. Until is when others begin to hold, zero if they never do.
type Limits struct {
	Up, Down int64
	Until    time.Time
}

// Limits says which rates are in force now for everything together.
func (n *Node) Limits() Limits {
	now := n.cfg.Now()
	rates := n.schedule()
	held := rates.At(now)
	return Limits{held.Up, held.Down, rates.Next(now)}
}

func (n *Node) schedule() *schedule.Schedule {
	return &schedule.Schedule{Entries: n.cfg.Schedule, Ordinary: schedule.Limits{Up: n.cfg.Up, Down: n.cfg.Down}}
}

// keepSchedule puts the rates of the hour in force.
func (n *Node) keepSchedule(now time.Time) {
	if len(n.cfg.Schedule) == 0 {
		return
	}
	held := n.schedule().At(now)
	if n.rooms.Up.Rate() != held.Up {
		n.rooms.Up.SetRate(now, held.Up)
	}
	if n.rooms.Down.Rate() != held.Down {
		n.rooms.Down.SetRate(now, held.Down)
	}
}

// SuperSeed gives each peer another part of an object from now on, until somebody else has all of it or the node ends.
func (n *Node) SuperSeed(ref string) error {
	o, err := n.lookup(ref)
	if err != nil {
		return err
	}
	o.Swarm.SuperSeed()
	return nil
}

// openBlockLists takes the addresses that the user wants nothing to do with out of the network, before anything uses it.
func (n *Node) openBlockLists() error {
	if len(n.cfg.BlockLists) == 0 || n.cfg.Silent {
		return nil
	}
	lists, err := blocking.Open(n.cfg.FS, n.cfg.BlockLists)
	if err != nil {
		return err
	}
	n.lists, n.filter = lists, filter.New(n.cfg.Network, lists.Blocks)
	n.cfg.Network = n.filter
	return nil
}

// keepBlockLists reads lists again when they change, and sends away whom they name then.
func (n *Node) keepBlockLists() {
	for n.rest(blocking.Every) {
		n.contained(n.lookAtBlockLists)
	}
}

func (n *Node) lookAtBlockLists() {
	changed, err := n.lists.Look()
	if err != nil {
		n.cfg.Log.Warn("a block list cannot be read, and the former one stays in force", "err", err)
	}
	if !changed {
		return
	}
	n.cfg.Log.Info("block lists have been read again", "ranges", n.lists.Len())
	for _, o := range n.books.All() {
		o.Guarded(func() { o.Swarm.Expel(filter.ErrBlocked, n.filter.Blocks) })
	}
}

// Blocking is what the user's block lists have done.
type Blocking struct {
	Ranges  int
	Files   []blocking.File
	Refused filter.Refused
}

// Blocking describes the block lists; false without any.
func (n *Node) Blocking() (Blocking, bool) {
	if n.lists == nil {
		return Blocking{}, false
	}
	return Blocking{n.lists.Len(), n.lists.Files(), n.filter.Refused()}, true
}

// unlimited are peers to whom no limit applies: those on the local network, unless the user wants it so.
func (n *Node) unlimited() func(netip.Addr) bool {
	if n.cfg.LimitLAN {
		return nil
	}
	return netx.NewLocalNetwork(n.cfg.Network, n.cfg.Now).Has
}

// keepCeiling lets nobody in while buffers and pieces take more memory than they may, and has idle connections give theirs
// back at once.
func (n *Node) keepCeiling() {
	pressed := n.shell.Leased()+n.rooms.Budget.Taken() > n.cfg.Room.Pressure
	if n.rooms.Seats.Close(pressed) != pressed && pressed {
		n.cfg.Log.Warn("memory is scarce: no more peers for now", "buffers", n.shell.Leased(), "pieces", n.rooms.Budget.Taken())
	}
	n.shell.Press(pressed)
}
