package bencode

import (
	"bytes"
	"iter"
)

// Kind is what a Value is.
type Kind uint8

// The kinds. None is the kind of the zero Value, which stands for an absent one.
const (
	None Kind = iota
	Integer
	String
	List
	Dict
)

func (k Kind) String() string {
	switch k {
	case Integer:
		return "integer"
	case String:
		return "string"
	case List:
		return "list"
	case Dict:
		return "dictionary"
	}
	return "none"
}

// Value is one value within a checked buffer. Every method may be called on every kind: what does not apply is absent.
type Value struct{ raw []byte }

// Kind is what v is.
func (v Value) Kind() Kind {
	if len(v.raw) == 0 {
		return None
	}
	switch v.raw[0] {
	case 'i':
		return Integer
	case 'l':
		return List
	case 'd':
		return Dict
	}
	return String
}

// Raw are the bytes v is encoded in.
func (v Value) Raw() []byte { return v.raw }

// Int is the number, if v is an integer that fits 64 bits.
func (v Value) Int() (int64, bool) {
	if v.Kind() != Integer {
		return 0, false
	}
	digits := v.raw[1 : len(v.raw)-1]
	negative := digits[0] == '-'
	if negative {
		digits = digits[1:]
	}
	// Summed below zero, because there is one more number there.
	var n int64
	const least = -1 << 63
	for _, c := range digits {
		d := int64(c - '0')
		if n < (least+d)/10 {
			return 0, false
		}
		n = n*10 - d
	}
	if negative {
		return n, true
	}
	if n == least {
		return 0, false
	}
	return -n, true
}

// Bytes are the bytes of the string, if v is one. They are a view into the buffer.
func (v Value) Bytes() ([]byte, bool) {
	if v.Kind() != String {
		return nil, false
	}
	at := bytes.IndexByte(v.raw, ':') + 1
	return v.raw[at:len(v.raw):len(v.raw)], true
}

// Str is a copy of the string, if v is one.
func (v Value) Str() (string, bool) {
	b, ok := v.Bytes()
	return string(b), ok
}

// Len is the number of items of a list, of entries of a dictionary, of bytes of a string.
func (v Value) Len() int {
	switch v.Kind() {
	case String:
		b, _ := v.Bytes()
		return len(b)
	case List, Dict:
		n := 0
		c := v.Cursor()
		for c.Enter(); c.More(); n++ {
			if v.Kind() == Dict {
				c.Key()
			}
			c.Next()
		}
		return n
	}
	return 0
}

// Get is the value under key, if v is a dictionary that has it. Of repeated keys the first counts.
func (v Value) Get(key string) Value {
	for k, x := range v.Entries() {
		if string(k) == key {
			return x
		}
	}
	return Value{}
}

// Items yields the items of a list in order.
func (v Value) Items() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if v.Kind() != List {
			return
		}
		c := v.Cursor()
		for c.Enter(); c.More(); {
			if !yield(c.Next()) {
				return
			}
		}
	}
}

// Entries yields the keys and values of a dictionary in the order they are written.
func (v Value) Entries() iter.Seq2[[]byte, Value] {
	return func(yield func([]byte, Value) bool) {
		if v.Kind() != Dict {
			return
		}
		c := v.Cursor()
		for c.Enter(); c.More(); {
			if !yield(c.Key(), c.Next()) {
				return
			}
		}
	}
}

// Canonical reports whether v is written in the only way BEP 3 allows: keys sorted as raw bytes and none twice, no
// needless zero or sign in any number.
func (v Value) Canonical() bool {
	// The last key of each open dictionary; seen tells it from none yet.
	var last [MaxDepth][]byte
	var seen [MaxDepth]bool
	var dict [MaxDepth]bool
	depth := 0
	c := v.Cursor()
	for c.i < len(c.b) {
		if depth > 0 && c.b[c.i] == 'e' {
			depth--
			c.i++
			continue
		}
		if depth > 0 && dict[depth-1] {
			if leadingZero(c.b[c.i:]) {
				return false
			}
			k := c.Key()
			if seen[depth-1] && bytes.Compare(last[depth-1], k) >= 0 {
				return false
			}
			last[depth-1], seen[depth-1] = k, true
		}
		switch kind := c.Kind(); kind {
		case List, Dict:
			c.i++
			dict[depth], seen[depth] = kind == Dict, false
			depth++
		case Integer:
			digits := c.b[c.i+1:]
			// BEP 3: "i-0e is invalid. All encodings with a leading zero, such as i03e, are invalid"
			if digits[0] == '-' && digits[1] == '0' || leadingZero(bytes.TrimPrefix(digits, []byte{'-'})) {
				return false
			}
			c.skip()
		default:
			if leadingZero(c.b[c.i:]) {
				return false
			}
			c.skip()
		}
	}
	return true
}

// leadingZero reports whether the decimal that b begins with has more digits than it needs.
func leadingZero(b []byte) bool {
	return b[0] == '0' && b[1] >= '0' && b[1] <= '9'
}
