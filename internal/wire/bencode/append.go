package bencode

import (
	"fmt"
	"strconv"
)

// AppendInt writes an integer.
func AppendInt(b []byte, n int64) []byte {
	b = append(b, 'i')
	b = strconv.AppendInt(b, n, 10)
	return append(b, 'e')
}

// AppendString writes a string.
func AppendString(b []byte, s string) []byte {
	b = strconv.AppendInt(b, int64(len(s)), 10)
	b = append(b, ':')
	return append(b, s...)
}

// AppendBytes writes a string.
func AppendBytes(b, s []byte) []byte {
	b = strconv.AppendInt(b, int64(len(s)), 10)
	b = append(b, ':')
	return append(b, s...)
}

// DictWriter writes one dictionary behind the bytes in B. Keys must come in rising order; it panics otherwise, since
// only a mistake of ours can bring that about. Whatever a value needs that the writer does not offer is appended to B
// behind Key.
//
//	w := bencode.BeginDict(b)
//	w.Int("length", 7)
//	w.Key("path")
//	w.B = append(w.B, "l1:ae"...)
//	b = w.End()
type DictWriter struct {
	B    []byte
	last string
	any  bool
}

// BeginDict opens a dictionary behind b.
func BeginDict(b []byte) DictWriter { return DictWriter{B: append(b, 'd')} }

// Key writes a key; the value must be appended to B next.
func (w *DictWriter) Key(key string) {
	if w.any && key <= w.last {
		panic(fmt.Sprintf("bencode: key %q written behind %q", key, w.last))
	}
	w.B = AppendString(w.B, key)
	w.last, w.any = key, true
}

// Int writes an entry that is an integer.
func (w *DictWriter) Int(key string, n int64) {
	w.Key(key)
	w.B = AppendInt(w.B, n)
}

// String writes an entry that is a string.
func (w *DictWriter) String(key, s string) {
	w.Key(key)
	w.B = AppendString(w.B, s)
}

// Bytes writes an entry that is a string.
func (w *DictWriter) Bytes(key string, s []byte) {
	w.Key(key)
	w.B = AppendBytes(w.B, s)
}

// Raw writes an entry whose value is encoded already.
func (w *DictWriter) Raw(key string, encoded []byte) {
	w.Key(key)
	w.B = append(w.B, encoded...)
}

// End closes the dictionary and returns all bytes.
func (w *DictWriter) End() []byte { return append(w.B, 'e') }
