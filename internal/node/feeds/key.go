package feeds

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"

	"github.com/potluck-p2p/potluck/internal/node/home"
)

// keySetting is where the catalog keeps the seed of the key with which this home publishes.
const keySetting = "feed-key"

// Key is the key with which this home publishes. It is made the first time.
func (d *Desk) Key(ctx context.Context) (ed25519.PrivateKey, error) {
	d.making.Lock()
	defer d.making.Unlock()
	seed, err := home.Secret(ctx, d.cfg.Catalog, keySetting)
	if errors.Is(err, home.ErrSecret) {
		return nil, fmt.Errorf("the key with which this home publishes: %w", err)
	}
	if err != nil {
		return nil, err
	}
	return ed25519.NewKeyFromSeed(seed[:]), nil
}
