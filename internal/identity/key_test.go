package identity

import (
	"strings"
	"testing"
)

const sampleText = "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrsa"

func TestParseKey(t *testing.T) {
	k, err := ParseKey(sampleText)
	if err != nil || k.String() != sampleText || k.Short() != "abcdefgh" || k.IsZero() {
		t.Fatalf("%v, %v", k, err)
	}
	if same, err := ParseKey(strings.ToUpper(sampleText)); err != nil || same != k {
		t.Errorf("in capitals: %v, %v", same, err)
	}
	for name, text := range map[string]string{
		"nothing":          "",
		"none":             strings.Repeat("a", 52),
		"too short":        sampleText[:51],
		"too long":         sampleText + "a",
		"bits left over":   sampleText[:51] + "b",
		"a strange letter": "1" + sampleText[1:],
		"a line break":     sampleText[:20] + "\n" + sampleText[20:],
		"padding":          sampleText + "====",
		"hexadecimal":      strings.Repeat("ab", 32),
	} {
		if k, err := ParseKey(text); err == nil {
			t.Errorf("%s: %v", name, k)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add(sampleText)
	f.Add(strings.ToUpper(sampleText))
	f.Add(sampleText[:51] + "b")
	f.Add(strings.Repeat("a", 52))
	f.Fuzz(func(t *testing.T, text string) {
		k, err := ParseKey(text)
		if err != nil {
			return
		}
		if k.IsZero() || k.String() != strings.ToLower(text) {
			t.Errorf("%q is %v", text, k)
		}
	})
}
