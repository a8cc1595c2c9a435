package node

import "github.com/potluck-p2p/potluck/internal/catalog"

// Limit limits the payload of one object, in bytes per second, besides the node's own limits and across restarts; 0 takes
// a limit away, and a negative one leaves it as it is.
func (n *Node) Limit(ref string, up, down int64) error {
	o, done, err := n.findToManage(ref)
	if err != nil {
		return err
	}
	defer done()
	now := n.cfg.Now()
	if up >= 0 {
		o.up.SetRate(now, up)
	}
	if down >= 0 {
		o.down.SetRate(now, down)
	}
	err = n.update(n.life, o, func(r *catalog.Record) {
		if up >= 0 {
			r.UpLimit = up
		}
		if down >= 0 {
			r.DownLimit = down
		}
	})
	if err != nil {
		return explain(err)
	}
	return nil
}
