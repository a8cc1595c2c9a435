package blocklist

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"io"
	"slices"
)

// Bounds of what a list may take.
const (
	// maxLine is the longest line, in bytes.
	maxLine = 4 << 10
	// maxText bounds the text of one list, after decompression: a few kilobytes can be blown up to any size.
	maxText = 512 << 20
	// maxRanges bounds the ranges of all lists of a builder together, unless it says otherwise.
	maxRanges = 4 << 20
)

// Why a list is refused as a whole.
var (
	ErrTooLong = errors.New("a block list of more than 512 MiB of text")
	ErrTooMany = errors.New("too many ranges in block lists")
)

// Counts says what became of the lines of a list. Comments and empty lines do not count.
type Counts struct {
	Ranges     int // that are blocked
	Allowed    int // of a level that allows them
	Unreadable int
}

// Builder gathers lists into one. The zero Builder is ready.
type Builder struct {
	// Most bounds the ranges of all lists together; 4 million.
	Most int
	list List
}

// Read takes the lines of a list. An error is that of r, of the compression, or one of this package; what was read before it
// stays.
func (b *Builder) Read(r io.Reader) (Counts, error) {
	var n Counts
	in := bufio.NewReaderSize(r, maxLine)
	// RFC 1952: "ID1 (IDentification 1)", "ID2 (IDentification 2)" "have the fixed values ID1 = 31 [...], ID2 = 139".
	if magic, _ := in.Peek(2); bytes.Equal(magic, []byte{31, 139}) {
		gz, err := gzip.NewReader(in)
		if err != nil {
			return n, err
		}
		defer gz.Close()
		in = bufio.NewReaderSize(gz, maxLine)
	}
	for read, whole := 0, true; ; {
		line, err := in.ReadSlice('\n')
		if read += len(line); read > maxText {
			return n, ErrTooLong
		}
		switch long := errors.Is(err, bufio.ErrBufferFull); {
		case long && whole:
			n.Unreadable++
			fallthrough
		case long:
			whole = false
			continue
		case !whole: // the end of a line that was too long
			whole = true
		default:
			if !b.take(line, &n) {
				return n, ErrTooMany
			}
		}
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// take adds the range of a line. It reports false if there is no room.
func (b *Builder) take(line []byte, n *Counts) bool {
	first, last, verdict := parseLine(bytes.TrimSpace(line))
	switch verdict {
	case allowed:
		n.Allowed++
	case unreadable:
		n.Unreadable++
	case blocked:
		if most := cmp.Or(b.Most, maxRanges); b.list.Len() >= most {
			if b.tidy(); b.list.Len() > most/2 {
				return false // tidying up again and again would take for ever
			}
		}
		n.Ranges++
		if first.Is4() {
			b.list.v4 = append(b.list.v4, span[uint32]{number4(first), number4(last)})
		} else {
			b.list.v6 = append(b.list.v6, span[uint128]{number6(first), number6(last)})
		}
	}
	return true
}

func (b *Builder) tidy() {
	b.list.v4 = merge(b.list.v4, cmp.Compare[uint32])
	b.list.v6 = merge(b.list.v6, compare128)
}

// List is all that was read. The builder begins anew.
func (b *Builder) List() *List {
	b.tidy()
	l := &List{v4: slices.Clip(b.list.v4), v6: slices.Clip(b.list.v6)}
	b.list = List{}
	return l
}
