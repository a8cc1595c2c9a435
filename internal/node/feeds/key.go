package feeds

import (
	"context"
	"crypto/ed25519"
	cryptorand "crypto/rand"
	"encoding/hex"
	"errors"
)

// keySetting is where the catalog keeps the seed of the key with which this home publishes, in hex. Nobody is shown it.
const keySetting = "feed-key"

// Key is the key with which this home publishes. It is made the first time.
func (d *Desk) Key(ctx context.Context) (ed25519.PrivateKey, error) {
	d.making.Lock()
	defer d.making.Unlock()
	text, known, err := d.cfg.Catalog.Setting(ctx, keySetting)
	if err != nil {
		return nil, err
	}
	if known {
		seed, err := hex.DecodeString(text)
		if err != nil || len(seed) != ed25519.SeedSize {
			return nil, errors.New("the key with which this home publishes is damaged")
		}
		return ed25519.NewKeyFromSeed(seed), nil
	}
	_, key, err := ed25519.GenerateKey(cryptorand.Reader)
	if err != nil {
		return nil, err
	}
	return key, d.cfg.Catalog.SetSetting(ctx, keySetting, hex.EncodeToString(key.Seed()))
}
