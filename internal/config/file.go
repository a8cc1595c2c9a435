package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// maxFile bounds the configuration file; the largest that makes sense is a few hundred bytes.
const maxFile = 1 << 20

// Parse reads a configuration file. A key that is not known, or a value that no setting takes, is an [*Error]; whether
// a value is right for its key is seen by [Resolve].
func Parse(data []byte) (Layer, error) {
	if len(data) > maxFile {
		return nil, &Error{Reason: "the file is too large"}
	}
	var file map[string]any
	if err := toml.Unmarshal(data, &file); err != nil {
		var bad toml.ParseError
		if errors.As(err, &bad) {
			return nil, &Error{Reason: fmt.Sprintf("the file is malformed in line %d: %s", bad.Position.Line, bad.Message)}
		}
		return nil, &Error{Reason: "the file is malformed: " + err.Error()}
	}
	l := make(Layer)
	if err := l.take("", file); err != nil {
		return nil, err
	}
	return l, nil
}

// take adds what a table of a file says, those below it included: the key bind of the table net is net.bind.
func (l Layer) take(prefix string, table map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(table)) {
		key := prefix + name
		if below, ok := table[name].(map[string]any); ok && !isKey(key) {
			if !isTable(key) {
				_, err := lookup(firstKey(key, below))
				return err
			}
			if err := l.take(key+".", below); err != nil {
				return err
			}
			continue
		}
		if _, err := lookup(key); err != nil {
			return err
		}
		text, ok := asText(table[name])
		if list, is := table[name].([]any); is && slices.Contains(lists, key) {
			text, ok = asList(list)
		}
		if !ok {
			return &Error{Key: key, Reason: "is a list, a table or a date", Hint: `write one value, as in ` + key + ` = "..."`}
		}
		if _, twice := l[key]; twice {
			return &Error{Key: key, Reason: "is given twice, as a name in quotes and in a table"}
		}
		l[key] = text
	}
	return nil
}

// firstKey is a key of a table that is none of ours, to say which setting may be meant by it.
func firstKey(name string, table map[string]any) string {
	for _, key := range slices.Sorted(maps.Keys(table)) {
		return name + "." + key
	}
	return name
}

// asText turns a single value of a file into what a user would type on the command line.
func asText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	case bool:
		return strconv.FormatBool(v), true
	}
	return "", false
}

// lists are the keys that take several values, as a list of texts or as one text.
var lists = []string{"dht_routers", "schedule", "net.block_lists"}

// asList turns a list of texts into one, with commas between. A text with a comma would be two.
func asList(list []any) (string, bool) {
	var texts []string
	for _, v := range list {
		text, ok := v.(string)
		if !ok || strings.Contains(text, ",") {
			return "", false
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ","), true
}
