package feeds

import (
	"context"
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/link"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// box is a DHT that holds what a test puts into it, right or wrong.
type box struct {
	items []krpc.Item // one for each Get, the last for ever; none: nothing is found
	gets  int
}

func (b *box) Get(context.Context, []byte, []byte) (krpc.Item, error) {
	b.gets++
	if len(b.items) == 0 {
		return krpc.Item{}, errors.New("nobody has it")
	}
	return b.items[min(b.gets, len(b.items))-1], nil
}

func (b *box) Put(context.Context, krpc.Item) (int, *krpc.Item, error) {
	return 0, nil, errors.New("full")
}

func sign(t *testing.T, key ed25519.PrivateKey, salt, value string, seq int64) krpc.Item {
	t.Helper()
	item, err := krpc.Sign(key, []byte(salt), []byte(value), seq)
	if err != nil {
		t.Fatal(err)
	}
	return item
}

func TestFind(t *testing.T) {
	key, stranger := ed25519.NewKeyFromSeed(make([]byte, 32)), ed25519.NewKeyFromSeed([]byte(strings.Repeat("x", 32)))
	p := link.Pointer{Publisher: [32]byte(key.Public().(ed25519.PublicKey)), Salt: "daily"}
	value := "d2:ih20:" + strings.Repeat("a", 20) + "e"
	right := sign(t, key, "daily", value, 7)
	altered := right.Clone()
	altered.Value = []byte("d2:ih20:" + strings.Repeat("b", 20) + "e")
	raised := right.Clone()
	raised.Seq++
	for name, c := range map[string]struct {
		items []krpc.Item
		exit  int // 0: it is found
	}{
		"right":                  {[]krpc.Item{right}, 0},
		"found at last":          {[]krpc.Item{altered, {}, right}, 0},
		"nothing":                {nil, fault.ExitNobody},
		"by a stranger":          {[]krpc.Item{sign(t, stranger, "daily", value, 9)}, fault.ExitNobody},
		"of another feed":        {[]krpc.Item{sign(t, key, "weekly", value, 9)}, fault.ExitNobody},
		"with another value":     {[]krpc.Item{altered}, fault.ExitNobody},
		"with another number":    {[]krpc.Item{raised}, fault.ExitNobody},
		"that points at nothing": {[]krpc.Item{sign(t, key, "daily", "de", 9)}, fault.ExitFailed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := New(Config{Now: time.Now, Items: &box{items: c.items}})
				v, err := d.Find(t.Context(), p, time.Minute)
				switch {
				case c.exit != 0 && (err == nil || fault.Explain(err).Exit != c.exit):
					t.Errorf("%+v, %v", v, err)
				case c.exit == 0 && (err != nil || v.Sequence() != 7 || v.Follow(p).Signature == nil):
					t.Errorf("%+v, %v", v, err)
				}
			})
		})
	}
}

func TestFindEndsWithItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := New(Config{Now: time.Now, Items: &box{}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if _, err := d.Find(ctx, link.Pointer{}, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}
