// Package selection tells which files of an object are wanted, by the patterns that a user gave or the numbers that a link
// carries. It is pure: the same patterns and the same object always give the same files, so a catalog need keep the
// patterns only.
//
// Patterns match the path below the object's name: "*" stops at "/", "**" does not, "?" is one character, and a pattern that
// matches a folder takes all below it. "#so=" and the notation of BEP 53, alone, is a pattern too.
package selection

import (
	"regexp"
	"strings"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/link"
)

// indexPrefix marks a selection by the numbers of the files (BEP 53) among the patterns of a record.
const indexPrefix = "#so="

// ByIndex are the patterns for a selection by the numbers of the files (BEP 53).
func ByIndex(s link.Selection) []string { return []string{indexPrefix + s.String()} }

// Check refuses patterns that cannot be understood.
func Check(patterns []string) error {
	_, err := parse(patterns)
	return err
}

// Mark marks the files of an object that patterns want; nil is all, as is no pattern. None being wanted is an error.
func Mark(patterns []string, obj content.Object) ([]bool, error) {
	if len(patterns) == 1 && strings.HasPrefix(patterns[0], indexPrefix) {
		return markIndices(strings.TrimPrefix(patterns[0], indexPrefix), obj)
	}
	s, err := parse(patterns)
	if err != nil {
		return nil, err
	}
	return s.of(obj)
}

func markIndices(so string, obj content.Object) ([]bool, error) {
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
		return nil, fault.New(fault.ExitUsage, "nothing-selected", "the link selects no file of this object", "choose files with --select", nil)
	}
	return wanted, nil
}

type globs []*regexp.Regexp

func parse(patterns []string) (globs, error) {
	var s globs
	for _, p := range patterns {
		re, err := regexp.Compile("^" + globExpression(strings.Trim(p, "/")) + "(?:/.*)?$")
		if err != nil {
			return nil, fault.Usage("cannot understand the pattern "+p, "use *, ** and ? as in file names", err)
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
func (s globs) of(obj content.Object) ([]bool, error) {
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
		return nil, fault.New(fault.ExitUsage, "nothing-selected", "no file matches --select", "potluck info LINK lists the files", nil)
	}
	return wanted, nil
}
