package feed_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/potluck-p2p/potluck/internal/wire/feed"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

var (
	v1 = metainfo.HashV1(bytes.Repeat([]byte{'a'}, 20))
	v2 = metainfo.HashV2(bytes.Repeat([]byte{'b'}, 32))
)

func TestValues(t *testing.T) {
	a20, b20, b32 := strings.Repeat("a", 20), strings.Repeat("b", 20), strings.Repeat("b", 32)
	for name, c := range map[string]struct {
		hash metainfo.InfoHash
		text string
	}{
		"v1":     {metainfo.NewInfoHash(&v1, nil), "d2:ih20:" + a20 + "e"},
		"v2":     {metainfo.NewInfoHash(nil, &v2), "d2:ih20:" + b20 + "3:ih232:" + b32 + "e"},
		"hybrid": {metainfo.NewInfoHash(&v1, &v2), "d2:ih20:" + a20 + "3:ih232:" + b32 + "e"},
	} {
		if got := string(feed.AppendValue([]byte("x"), c.hash)); got != "x"+c.text {
			t.Errorf("%s: appended %q", name, got)
		}
		if got, err := feed.ParseValue([]byte(c.text)); err != nil || got != c.hash {
			t.Errorf("%s: parsed %v, %v", name, got, err)
		}
	}
	// Others may say more.
	got, err := feed.ParseValue([]byte("d1:ai1e2:ih20:" + a20 + "4:morelee"))
	if err != nil || got != metainfo.NewInfoHash(&v1, nil) {
		t.Errorf("with other keys: %v, %v", got, err)
	}
}

func TestNoPointer(t *testing.T) {
	a20 := strings.Repeat("a", 20)
	for _, text := range []string{
		"", "i1e", "4:text", "le", "de", "d2:ihi1ee", "d2:ih19:" + a20[1:] + "e", "d2:ih20:" + a20, "d2:ih21:a" + a20 + "e",
		"d2:ih20:" + a20 + "3:ih220:" + a20 + "e", "d2:ih20:" + a20 + "3:ih2i1ee", "d3:ih232:" + strings.Repeat("b", 32) + "e",
	} {
		var format *feed.FormatError
		if hash, err := feed.ParseValue([]byte(text)); !errors.As(err, &format) {
			t.Errorf("%q is %v, %v", text, hash, err)
		}
	}
}

func FuzzParseValue(f *testing.F) {
	f.Add(feed.AppendValue(nil, metainfo.NewInfoHash(&v1, nil)))
	f.Add(feed.AppendValue(nil, metainfo.NewInfoHash(nil, &v2)))
	f.Add(feed.AppendValue(nil, metainfo.NewInfoHash(&v1, &v2)))
	f.Add([]byte("d2:ih20:aaaaaaaaaaaaaaaaaaaa3:ih20:e"))
	f.Fuzz(func(t *testing.T, b []byte) {
		hash, err := feed.ParseValue(b)
		if err != nil {
			return
		}
		if hash.IsZero() {
			t.Fatal("it points at nothing")
		}
		again, err := feed.ParseValue(feed.AppendValue(nil, hash))
		if err != nil || again != hash {
			t.Fatalf("%v came back as %v, %v", hash, again, err)
		}
	})
}
