package config

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"strings"
)

// part is one part of a dotted key.
const part = `(?:"[^"\\]*"|'[^']*'|[A-Za-z0-9_-]+)`

var (
	parts = regexp.MustCompile(part)
	// assignment is a line that gives a value to a key, up to the value.
	assignment = regexp.MustCompile(`^[ \t]*(` + part + `(?:[ \t]*\.[ \t]*` + part + `)*)[ \t]*=[ \t]*`)
	// header is a line that begins a table.
	header = regexp.MustCompile(`^[ \t]*\[[ \t]*(` + part + `(?:[ \t]*\.[ \t]*` + part + `)*)[ \t]*\][ \t]*(?:#.*)?\r?\n?$`)
	// simple is a value that ends on its line, with what may stand behind it.
	simple = regexp.MustCompile(`^(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s#"'\[{]+)([ \t]*(?:#.*)?\r?\n?)$`)
	// bare are texts that TOML writes without quotes and reads as the same text.
	bare = regexp.MustCompile(`^(?:0|[1-9][0-9]{0,17}|true|false)$`)
)

// plan is how a configuration file is laid out, in lines counted from 1.
type plan struct {
	keys   map[string]int // where each is given first
	tables map[string]int // the last line of each table that says something
	top    int            // the line after which there is room for one that is in no table
}

// planOf reads a file line by line. A line of a longer text is taken for what it looks like.
func planOf(data []byte) plan {
	p := plan{keys: map[string]int{}, tables: map[string]int{}}
	prefix, i := "", 0
	for line := range bytes.Lines(data) {
		i++
		if m := header.FindSubmatch(line); m != nil {
			table := joined(m[1])
			p.tables[table], prefix = i, table+"."
		} else if m := assignment.FindSubmatch(line); m != nil {
			if prefix == "" {
				p.top = i
			} else {
				p.tables[strings.TrimSuffix(prefix, ".")] = i
			}
			if name := prefix + joined(m[1]); isKey(name) && p.keys[name] == 0 {
				p.keys[name] = i
			}
		}
	}
	if prefix == "" {
		p.top = i
	}
	return p
}

// joined is a dotted key without quotes and spaces.
func joined(key []byte) string {
	var names []string
	for _, name := range parts.FindAll(key, -1) {
		names = append(names, string(bytes.Trim(name, `"'`)))
	}
	return strings.Join(names, ".")
}

// Lines tells in which line of a configuration file each key is given, counted from 1.
func Lines(data []byte) map[string]int { return planOf(data).keys }

// Edit gives a key another value in the text of a configuration file: in the line that it has, or in a new one at the end of
// its table, if the file has that, or of what stands above all tables. Everything else, comments too, stays as it is. Whether the
// value is right for the key is seen by [Resolve].
func Edit(data []byte, key, value string) ([]byte, error) {
	if _, err := lookup(key); err != nil {
		return nil, err
	}
	want, err := Parse(data)
	if err != nil {
		return nil, err
	}
	want = maps.Clone(want)
	want[key] = value
	p := planOf(data)
	at := p.keys[key]
	var out []byte
	if at > 0 {
		out = replaceLine(data, at, value)
	} else {
		out = p.addLine(data, key, value)
	}
	// A line that looks like one of ours may be part of a longer text.
	if got, err := Parse(out); err != nil || !maps.Equal(got, want) {
		return nil, byHand(key, at)
	}
	return out, nil
}

// replaceLine gives the assignment in a line another value; nothing if its value does not end there.
func replaceLine(data []byte, at int, value string) []byte {
	var out []byte
	i := 0
	for line := range bytes.Lines(data) {
		if i++; i != at {
			out = append(out, line...)
			continue
		}
		head := assignment.Find(line)
		tail := simple.FindSubmatch(line[len(head):])
		if tail == nil {
			return nil
		}
		out = append(append(append(out, head...), literal(value)...), tail[1]...)
	}
	return out
}

// addLine adds an assignment where the key belongs.
func (p plan) addLine(data []byte, key, value string) []byte {
	name, after := key, p.top
	if table, own, ok := strings.Cut(key, "."); ok && p.tables[table] > 0 {
		name, after = own, p.tables[table]
	}
	var head []byte
	for line := range bytes.Lines(data) {
		if after--; after < 0 {
			break
		}
		head = append(head, line...)
	}
	tail := data[len(head):]
	if len(head) > 0 && head[len(head)-1] != '\n' {
		head = append(head, '\n')
	}
	return append(append(head, name+" = "+literal(value)+"\n"...), tail...)
}

func byHand(key string, line int) *Error {
	where := "the file"
	if line > 0 {
		where = fmt.Sprintf("line %d of the file", line)
	}
	return &Error{Key: key, Reason: "cannot be changed in " + where + ", which is written in an unusual way", Hint: "change it with an editor"}
}

// literal is a value as TOML writes it.
func literal(value string) string {
	if bare.MatchString(value) {
		return value
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range value {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
