package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

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
	for _, name := range slices.Sorted(maps.Keys(file)) {
		if _, err := lookup(name); err != nil {
			return nil, err
		}
		text, ok := asText(file[name])
		if !ok {
			return nil, &Error{Key: name, Reason: "is a list, a table or a date", Hint: `write one value, as in ` + name + ` = "..."`}
		}
		l[name] = text
	}
	return l, nil
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
