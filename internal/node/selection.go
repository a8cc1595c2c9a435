package node

import (
	"regexp"
	"strings"

	"github.com/potluck-p2p/potluck/internal/content"
)

// selection says which files of an object are wanted, by patterns that match the path below the object's name: "*" stops
// at "/", "**" does not, "?" is one character, and a pattern that matches a folder takes all below it.
type selection []*regexp.Regexp

func parseSelection(patterns []string) (selection, error) {
	var s selection
	for _, p := range patterns {
		re, err := regexp.Compile("^" + globExpression(strings.Trim(p, "/")) + "(?:/.*)?$")
		if err != nil {
			return nil, &Error{"usage", "cannot understand the pattern " + p, "use *, ** and ? as in file names", ExitUsage, err}
		}
		s = append(s, re)
	}
	return s, nil
}

func globExpression(p string) string {
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		switch {
		case strings.HasPrefix(p[i:], "**/"):
			b.WriteString("(?:.*/)?")
			i += 2
		case strings.HasPrefix(p[i:], "**"):
			b.WriteString(".*")
			i++
		case p[i] == '*':
			b.WriteString("[^/]*")
		case p[i] == '?':
			b.WriteString("[^/]")
		default:
			j := i + 1
			for j < len(p) && p[j] != '*' && p[j] != '?' {
				j++
			}
			b.WriteString(regexp.QuoteMeta(p[i:j]))
			i = j - 1
		}
	}
	return b.String()
}

// of marks the files that are wanted; nil if all are. Nothing matching is an error.
func (s selection) of(obj content.Object) ([]bool, error) {
	if len(s) == 0 {
		return nil, nil
	}
	wanted := make([]bool, len(obj.Files()))
	some := false
	for i, f := range obj.Files() {
		for _, re := range s {
			if re.MatchString(f.Path.String()) {
				wanted[i], some = true, true
				break
			}
		}
	}
	if !some {
		return nil, &Error{"nothing-selected", "no file matches --select", "potluck info LINK lists the files", ExitUsage, nil}
	}
	return wanted, nil
}
