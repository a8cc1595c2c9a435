package self

import (
	"context"
	cryptorand "crypto/rand"
	"fmt"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/identity"
	"github.com/potluck-p2p/potluck/internal/node/home"
)

// keySetting is where the catalog keeps the seed of the key that this home proves to other nodes.
const keySetting = "node-key"

// Known makes us known to ourselves: a home has one key, made once, for as long as it exists.
func Known(ctx context.Context, c *catalog.Catalog) (*identity.Identity, error) {
	seed, err := home.Secret(ctx, c, keySetting)
	if err != nil {
		return nil, fmt.Errorf("the key that this home proves to other nodes: %w", err)
	}
	return identity.New(seed)
}

// Nobody is an identity that says nothing about us.
func Nobody() (*identity.Identity, error) {
	var seed [home.SecretSize]byte
	cryptorand.Read(seed[:]) // never fails
	return identity.New(seed)
}
