package catalog

import (
	"context"
	"database/sql"
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/identity"
)

// SavedPeer is a peer of an object that the next run should know.
type SavedPeer struct {
	Addr   netip.AddrPort
	Origin uint8        // who told of it, as the swarm numbers that
	Moved  int64        // payload to and fro, in bytes
	Seen   time.Time    // when it last went; stored to the millisecond
	Anchor bool         // to be dialled before all others
	Key    identity.Key // of the node that is there, or was; zero if none is known
}

// MaxSavedPeers bounds the peers that are kept of one object.
const MaxSavedPeers = 100

// SetSavedPeers stores the peers of an object in the place of those that were stored before.
func (c *Catalog) SetSavedPeers(ctx context.Context, id string, peers []SavedPeer) error {
	if len(peers) > MaxSavedPeers {
		return invalid("saved peers", "%d are too many", len(peers))
	}
	return c.write(ctx, "save peers", func(tx *sql.Tx) error {
		n, _, err := lookup(ctx, tx, id)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM saved_peers WHERE object = ?", n); err != nil {
			return err
		}
		b := bulk{tx: tx, head: "INSERT INTO saved_peers"}
		for i, p := range peers {
			if !p.valid() {
				return invalid("saved peers", "%v with %d bytes cannot be", p.Addr, p.Moved)
			}
			if err := b.add(ctx, n, i, p.Addr.String(), int64(p.Origin), p.Moved, milliseconds(p.Seen), p.Anchor, keyBlob(p.Key)); err != nil {
				return err
			}
		}
		return b.flush(ctx)
	})
}

// keyBlob is a key as it is stored.
func keyBlob(k identity.Key) []byte {
	if k.IsZero() {
		return nil
	}
	return k[:]
}

func (p SavedPeer) valid() bool {
	return p.Addr.IsValid() && p.Addr.Port() != 0 && p.Addr.Addr().Zone() == "" && p.Moved >= 0
}

// SavedPeers returns the peers stored for an object, in the order they were given. They are hints: a row that makes no sense
// is left out.
func (c *Catalog) SavedPeers(ctx context.Context, id string) (peers []SavedPeer, err error) {
	err = c.read(ctx, "saved peers", func(tx *sql.Tx) error {
		n, _, err := lookup(ctx, tx, id)
		if err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, `SELECT address, origin, moved, seen, anchor, key FROM saved_peers WHERE object = ?
			ORDER BY place LIMIT ?`, n, MaxSavedPeers)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var (
				p                    SavedPeer
				address              string
				origin, seen, anchor int64
				key                  []byte
			)
			if err := rows.Scan(&address, &origin, &p.Moved, &seen, &anchor, &key); err != nil {
				return err
			}
			p.Addr, err = netip.ParseAddrPort(address)
			if err != nil || origin < 0 || origin > 255 || !p.valid() {
				continue
			}
			if len(key) == len(p.Key) {
				p.Key = identity.Key(key)
			}
			p.Origin, p.Seen, p.Anchor = uint8(origin), instant(seen), anchor != 0
			peers = append(peers, p)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	return peers, nil
}
