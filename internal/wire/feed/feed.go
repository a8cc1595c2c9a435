// Package feed is the codec of what a feed points at (BEP 46): the value of a mutable item of the DHT (BEP 44), which says
// what the newest version of something is. It parses from and appends to byte slices.
//
//	d
//	  2:ih   20:<info-hash>   v1; of an object without one, the v2 info-hash cut to 20 bytes, as BEP 52 does on the wire
//	  3:ih2  32:<info-hash>   v2, whole; ours alone, left out by others and for objects without one
//	e
//
// BEP 46 knows ih only. The v2 info-hash beside it makes SHA-256 the root of trust wherever there is one.
package feed

import (
	"github.com/potluck-p2p/potluck/internal/wire/bencode"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// FormatError says that a value points at nothing. It is the publisher's fault.
type FormatError struct{ Reason string }

func (e *FormatError) Error() string { return "not the pointer of a feed: " + e.Reason }

// AppendValue writes the value that points at an object, which has an info-hash.
func AppendValue(b []byte, hash metainfo.InfoHash) []byte {
	v2, hasV2 := hash.V2()
	w := bencode.BeginDict(b)
	if names := hash.Wire(); len(names) > 0 {
		w.Bytes("ih", names[0][:])
	}
	if hasV2 {
		w.Bytes("ih2", v2[:])
	}
	return w.End()
}

// ParseValue reads what a value points at. It fails with a *FormatError. Keys that are not known are left out.
func ParseValue(b []byte) (metainfo.InfoHash, error) {
	v, err := bencode.Parse(b)
	if err != nil {
		return metainfo.InfoHash{}, &FormatError{err.Error()}
	}
	// BEP 46: "ih: <infohash of the torrent>".
	short, ok := v.Get("ih").Bytes()
	if !ok || len(short) != len(metainfo.HashV1{}) {
		return metainfo.InfoHash{}, &FormatError{"ih has not 20 bytes"}
	}
	v1 := metainfo.HashV1(short)
	whole := v.Get("ih2")
	if whole.Kind() == bencode.None {
		return metainfo.NewInfoHash(&v1, nil), nil
	}
	long, ok := whole.Bytes()
	if !ok || len(long) != len(metainfo.HashV2{}) {
		return metainfo.InfoHash{}, &FormatError{"ih2 has not 32 bytes"}
	}
	v2 := metainfo.HashV2(long)
	if string(short) == string(long[:len(short)]) {
		return metainfo.NewInfoHash(nil, &v2), nil
	}
	return metainfo.NewInfoHash(&v1, &v2), nil
}
