package home

import (
	"context"
	cryptorand "crypto/rand"
	"encoding/hex"
	"errors"

	"github.com/potluck-p2p/potluck/internal/catalog"
)

// SecretSize is the size of a secret, which is that of the seed of an Ed25519 key.
const SecretSize = 32

// ErrSecret says that a secret of the home is damaged. Another must not take its place unasked: others know what it stands for.
var ErrSecret = errors.New("a secret of this home is damaged")

// Secret is the secret that the catalog keeps in a setting, in hex. It is made the first time, and nobody is shown it. The caller
// asks for one at a time.
func Secret(ctx context.Context, c *catalog.Catalog, setting string) (s [SecretSize]byte, err error) {
	text, known, err := c.Setting(ctx, setting)
	if err != nil {
		return s, err
	}
	if known {
		b, err := hex.DecodeString(text)
		if err != nil || len(b) != len(s) {
			return s, ErrSecret
		}
		return [SecretSize]byte(b), nil
	}
	cryptorand.Read(s[:]) // never fails
	return s, c.SetSetting(ctx, setting, hex.EncodeToString(s[:]))
}
