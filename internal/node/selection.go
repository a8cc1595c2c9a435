package node

import (
	"regexp"
	"strings"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/link"
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

// indexPrefix marks a selection by the numbers of the files (BEP 53) among the patterns of a record.
const indexPrefix = "#so="

// selectFiles marks the files wanted by a record's patterns; nil is all.
func selectFiles(patterns []string, obj content.Object) ([]bool, error) {
	if len(patterns) == 1 && strings.HasPrefix(patterns[0], indexPrefix) {
		return selectIndices(strings.TrimPrefix(patterns[0], indexPrefix), obj)
	}
	s, err := parseSelection(patterns)
	if err != nil {
		return nil, err
	}
	return s.of(obj)
}

func selectIndices(so string, obj content.Object) ([]bool, error) {
	// The link package knows the notation; any info-hash will do to have it read.
	l, err := link.Parse("magnet:?xt=urn:btih:" + strings.Repeat("0", 40) + "&so=" + so)
	if err != nil {
		return nil, err
	}
	wanted := make([]bool, len(obj.Files()))
	some := false
	for i := range wanted {
		wanted[i] = l.Select.Has(i)
		some = some || wanted[i]
	}
	if !some {
		return nil, &Error{"nothing-selected", "the link selects no file of this object", "choose files with --select", ExitUsage, nil}
	}
	return wanted, nil
}
