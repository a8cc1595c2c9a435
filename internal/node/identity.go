package node

import (
	"context"

	"github.com/potluck-p2p/potluck/internal/identity"
	"github.com/potluck-p2p/potluck/internal/node/self"
)

// openIdentity gives us our key. Who is anonymous shows it to nobody, and dials with another for each object.
func (n *Node) openIdentity(ctx context.Context) (err error) {
	n.rooms.Identity = func() *identity.Identity { return n.identity }
	if n.cfg.Silent || !n.cfg.Encryption.TLS() {
		return nil
	}
	if n.cfg.Anonymous {
		n.rooms.Identity = n.nobody
		return nil
	}
	if n.identity, err = self.Known(ctx, n.catalog); err != nil {
		return err
	}
	n.rooms.Key = n.identity.Key()
	return nil
}

// nobody is whom an anonymous node proves to be.
func (n *Node) nobody() *identity.Identity {
	id, err := self.Nobody()
	if err != nil {
		n.cfg.Log.Error("cannot make a key", "err", err)
	}
	return id
}

// Key is the text of the key that this node proves to others; empty if it proves none.
func (n *Node) Key() string {
	if n.identity == nil {
		return ""
	}
	return n.identity.Key().String()
}
