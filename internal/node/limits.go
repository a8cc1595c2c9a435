package node

import (
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
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

// unlimited are peers to whom no limit applies: those on the local network, unless the user wants it so.
func (n *Node) unlimited() func(netip.Addr) bool {
	if n.cfg.LimitLAN {
		return nil
	}
	return netx.NewLocalNetwork(n.cfg.Network, n.cfg.Now).Has
}
