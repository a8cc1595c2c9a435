package node

import (
	"context"
	cryptorand "crypto/rand"
	"fmt"

	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/identity"
	"github.com/potluck-p2p/potluck/internal/link"
	"github.com/potluck-p2p/potluck/internal/node/home"
	"github.com/potluck-p2p/potluck/internal/protocol/mse"
)

// keySetting is where the catalog keeps the seed of the key that this home proves to other nodes.
const keySetting = "node-key"

// openIdentity makes us known to ourselves: a home has one key, made once, for as long as it exists. Who is anonymous shows it to
// nobody, and dials with another for each object.
func (n *Node) openIdentity(ctx context.Context) error {
	n.rooms.Identity = func() *identity.Identity { return n.identity }
	if n.cfg.Anonymous && !n.cfg.Silent && n.cfg.Encryption.TLS() {
		n.rooms.Identity = n.nobody
	}
	if n.cfg.Silent || n.cfg.Anonymous || !n.cfg.Encryption.TLS() {
		return nil
	}
	seed, err := home.Secret(ctx, n.catalog, keySetting)
	if err != nil {
		return fmt.Errorf("the key that this home proves to other nodes: %w", err)
	}
	if n.identity, err = identity.New(seed); err != nil {
		return err
	}
	n.rooms.Key = n.identity.Key()
	return nil
}

// nobody is an identity that says nothing about us.
func (n *Node) nobody() *identity.Identity {
	var seed [home.SecretSize]byte
	cryptorand.Read(seed[:]) // never fails
	id, err := identity.New(seed)
	if err != nil {
		n.cfg.Log.Error("cannot make a key", "err", err)
	}
	return id
}

// isSeen refuses to fetch a .torrent file where everybody on the way would read it, if our policy is that nobody does.
func (n *Node) isSeen(text string) error {
	l, err := link.Parse(text)
	if err != nil || l.Kind != link.TorrentURL || n.cfg.Encryption != mse.Authenticated || l.Secure() {
		return nil
	}
	return fault.Usage("encryption = authenticated fetches no .torrent file by http, which everybody on the way can read",
		"take a magnet link or an https URL, or fetch the file by other means", nil)
}

// Key is the text of the key that this node proves to others; empty if it proves none.
func (n *Node) Key() string {
	if n.identity == nil {
		return ""
	}
	return n.identity.Key().String()
}
