// Package bencode reads and writes the encoding of BEP 3: integers, byte strings, lists and dictionaries.
//
//	integer     i <decimal> e              i-7e
//	string      <length> : <bytes>         4:spam
//	list        l <value>... e             l4:spami7ee
//	dictionary  d (<string> <value>)... e  d3:cow3:mooe
//
// Reading checks the whole buffer once and then works on views into it: a Value is two words, nothing is copied and
// nothing is allocated per node. The buffer must not change while Values of it are in use.
//
// Reading is as lenient as the clients people use: dictionary keys may be unsorted or repeated (the first one counts)
// and numbers may have leading zeros. Canonical tells whether a value keeps every rule.
package bencode

import "fmt"

const (
	// MaxDepth bounds how deep lists and dictionaries may be nested.
	MaxDepth = 100
	// MaxTokens bounds the number of integers, strings, beginnings and ends in one buffer.
	MaxTokens = 3_000_000
)

// SyntaxError tells why a buffer is no bencoding, and the offset where that was seen.
type SyntaxError struct {
	Offset int
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("bencode: %s at offset %d", e.Reason, e.Offset)
}

// Parse checks that b is exactly one value and returns it.
func Parse(b []byte) (Value, error) {
	v, rest, err := ParsePrefix(b)
	if err != nil {
		return Value{}, err
	}
	if len(rest) > 0 {
		return Value{}, &SyntaxError{len(b) - len(rest), "bytes behind the value"}
	}
	return v, nil
}

// ParsePrefix checks the value that b begins with and returns it and the bytes that follow it.
func ParsePrefix(b []byte) (v Value, rest []byte, err error) {
	n, err := check(b)
	if err != nil {
		return Value{}, nil, err
	}
	return Value{b[:n:n]}, b[n:], nil
}

// check finds the end of the value that b begins with. It keeps its own stack, so depth costs no memory.
func check(b []byte) (int, error) {
	// One entry per open container: a dictionary that awaits a key, one that awaits a value, or a list.
	const (
		list = iota
		key
		value
	)
	var open [MaxDepth]uint8
	depth, tokens, i := 0, 0, 0
	for {
		if i >= len(b) {
			return 0, &SyntaxError{i, "value cut short"}
		}
		if tokens++; tokens > MaxTokens {
			return 0, &SyntaxError{i, "too many values"}
		}
		c := b[i]
		if depth > 0 && open[depth-1] == key && c != 'e' && (c < '0' || c > '9') {
			return 0, &SyntaxError{i, "dictionary key is not a string"}
		}
		switch {
		case c >= '0' && c <= '9':
			at, n, ok := stringSpan(b, i)
			if !ok {
				return 0, &SyntaxError{i, "malformed string, or longer than what is left"}
			}
			i = at + n
		case c == 'i':
			end, ok := integerEnd(b, i)
			if !ok {
				return 0, &SyntaxError{i, "malformed integer"}
			}
			i = end
		case c == 'l' || c == 'd':
			if depth == MaxDepth {
				return 0, &SyntaxError{i, "nested too deep"}
			}
			open[depth] = list
			if c == 'd' {
				open[depth] = key
			}
			depth++
			i++
			continue
		case c == 'e' && depth > 0 && open[depth-1] != value:
			depth--
			i++
		case c == 'e' && depth > 0:
			return 0, &SyntaxError{i, "dictionary key without a value"}
		default:
			return 0, &SyntaxError{i, "no value begins like this"}
		}
		// A whole value, or a key, ends at i.
		if depth == 0 {
			return i, nil
		}
		switch top := &open[depth-1]; *top {
		case key:
			*top = value
		case value:
			*top = key
		}
	}
}

// stringSpan reads the length of the string at i: it begins at offset at and is n bytes long, all within b.
func stringSpan(b []byte, i int) (at, n int, ok bool) {
	for ; i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		// The length is held against the buffer at every digit, so it cannot overflow.
		if n = n*10 + int(b[i]-'0'); n > len(b) {
			return 0, 0, false
		}
	}
	if i >= len(b) || b[i] != ':' || n > len(b)-i-1 {
		return 0, 0, false
	}
	return i + 1, n, true
}

// integerEnd finds the offset behind the integer at i.
func integerEnd(b []byte, i int) (int, bool) {
	i++
	if i < len(b) && b[i] == '-' {
		i++
	}
	digits := i
	for i < len(b) && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	if i == digits || i >= len(b) || b[i] != 'e' {
		return 0, false
	}
	return i + 1, true
}
