package config

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"strings"
)

var (
	// assignment is a line that gives a value to a key of the top level, up to the value.
	assignment = regexp.MustCompile(`^[ \t]*(?:"([^"\\]*)"|'([^']*)'|([A-Za-z0-9_-]+))[ \t]*=[ \t]*`)
	// simple is a value that ends on its line, with what may stand behind it.
	simple = regexp.MustCompile(`^(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s#"'\[{]+)([ \t]*(?:#.*)?\r?\n?)$`)
	// bare are texts that TOML writes without quotes and reads as the same text.
	bare = regexp.MustCompile(`^(?:0|[1-9][0-9]{0,17}|true|false)$`)
)

// Lines tells in which line of a configuration file each key is given, counted from 1.
func Lines(data []byte) map[string]int {
	lines := make(map[string]int)
	i := 0
	for line := range bytes.Lines(data) {
		i++
		if m := assignment.FindSubmatch(line); m != nil {
			name := string(m[1]) + string(m[2]) + string(m[3])
			if _, err := lookup(name); err == nil && lines[name] == 0 {
				lines[name] = i
			}
		}
	}
	return lines
}

// Edit gives a key another value in the text of a configuration file: in the line that it has, or in a new one at the end.
// Everything else, comments too, stays as it is. Whether the value is right for the key is seen by [Resolve].
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
	at := Lines(data)[key]
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
			return nil, byHand(key, at)
		}
		out = append(append(append(out, head...), literal(value)...), tail[1]...)
	}
	if at == 0 {
		if len(out) > 0 && out[len(out)-1] != '\n' {
			out = append(out, '\n')
		}
		out = append(out, key+" = "+literal(value)+"\n"...)
	}
	// A line that looks like one of ours may be part of a longer text.
	if got, err := Parse(out); err != nil || !maps.Equal(got, want) {
		return nil, byHand(key, at)
	}
	return out, nil
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
