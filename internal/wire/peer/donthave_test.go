package peer

import (
	"bytes"
	"testing"
)

func TestDontHaveGolden(t *testing.T) {
	golden := unhex(t, "00 00 00 06 14 07 00 01 02 03 # extended, id 7, piece 0x010203")
	if got := AppendDontHave(nil, 7, 0x010203); !bytes.Equal(got, golden) {
		t.Errorf("appended %x", got)
	}
	if index, err := ParseDontHave(golden[6:]); index != 0x010203 || err != nil {
		t.Errorf("parsed %#x, %v", index, err)
	}
	for _, size := range []int{0, 3, 5} {
		if _, err := ParseDontHave(make([]byte, size)); err == nil {
			t.Errorf("parsed %d bytes", size)
		}
	}
}

func TestUploadOnlyGolden(t *testing.T) {
	for _, tt := range []struct {
		hex    string
		intent Intent
	}{
		{"00 00 00 03 14 02 01 # extended, id 2, yes", UploadOnly},
		{"00 00 00 03 14 02 00 # extended, id 2, no", Downloads},
	} {
		golden := unhex(t, tt.hex)
		if got := AppendUploadOnly(nil, 2, tt.intent); !bytes.Equal(got, golden) {
			t.Errorf("appended %x", got)
		}
		if got, err := ParseUploadOnly(golden[6:]); got != tt.intent || err != nil {
			t.Errorf("parsed %v, %v", got, err)
		}
	}
	for _, size := range []int{0, 2} {
		if _, err := ParseUploadOnly(make([]byte, size)); err == nil {
			t.Errorf("parsed %d bytes", size)
		}
	}
}
