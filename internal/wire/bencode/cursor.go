package bencode

// Cursor walks a value from its first byte to its last and never looks at a byte twice, however deep the nesting. It
// is for trees: asking a Value at each level for its parts would read the deepest bytes once per level.
//
//	c := v.Cursor()
//	for c.Enter(); c.More(); {
//		key := c.Key() // in dictionaries only
//		... c.Next(), or if c.Kind() is Dict or List the same loop again
//	}
type Cursor struct {
	b []byte
	i int
}

// Cursor returns a cursor that stands before v.
func (v Value) Cursor() Cursor { return Cursor{b: v.raw} }

// Kind is the kind of the value the cursor stands before, None at an end.
func (c *Cursor) Kind() Kind {
	if c.i >= len(c.b) || c.b[c.i] == 'e' {
		return None
	}
	return Value{c.b[c.i:]}.Kind()
}

// Enter steps into the list or dictionary the cursor stands before.
func (c *Cursor) Enter() { c.i++ }

// More reports whether the list or dictionary that was entered has more to come; if not, it steps out.
func (c *Cursor) More() bool {
	if c.i < len(c.b) && c.b[c.i] != 'e' {
		return true
	}
	c.i++
	return false
}

// Key reads a dictionary's next key, a view into the buffer.
func (c *Cursor) Key() []byte {
	at, n, _ := stringSpan(c.b, c.i)
	c.i = at + n
	return c.b[at:c.i:c.i]
}

// Next steps over the value the cursor stands before and returns it.
func (c *Cursor) Next() Value {
	from := c.i
	c.skip()
	return Value{c.b[from:c.i:c.i]}
}

// skip steps over one value. The buffer was checked, so every token is whole.
func (c *Cursor) skip() {
	depth := 0
	for c.i < len(c.b) {
		switch x := c.b[c.i]; x {
		case 'l', 'd':
			depth++
			c.i++
		case 'e':
			depth--
			c.i++
		case 'i':
			for c.i++; c.b[c.i] != 'e'; {
				c.i++
			}
			c.i++
		default:
			n := 0
			for ; c.b[c.i] != ':'; c.i++ {
				n = n*10 + int(c.b[c.i]-'0')
			}
			c.i += 1 + n
		}
		if depth == 0 {
			return
		}
	}
}
