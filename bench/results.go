package bench

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Section is a result as a section of RESULTS.md.
func (r Result) Section(at time.Time, rounds int) string {
	if r.Rounds > 0 {
		rounds = min(rounds, r.Rounds)
	}
	return fmt.Sprintf("## %s: %s\n\n%s\n\n%s\n*%s, %s.*\n", r.Name, r.Title, strings.TrimSpace(r.About), r.Table(),
		at.UTC().Format("2006-01-02 15:04 UTC"), plural(rounds, "round"))
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// heading begins a section and names its scenario.
var heading = regexp.MustCompile(`(?m)^## ([a-z0-9-]+): `)

// Merge is RESULTS.md with a new head and one section replaced or added. The sections stand in the given order; those of
// scenarios that are no more are dropped.
func Merge(old, head string, order []string, name, section string) string {
	sections := map[string]string{}
	starts := heading.FindAllStringSubmatchIndex(old, -1)
	for i, s := range starts {
		end := len(old)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		sections[old[s[2]:s[3]]] = old[s[0]:end]
	}
	sections[name] = section
	text := strings.TrimSpace(head) + "\n"
	for _, name := range order {
		if sections[name] != "" {
			text += "\n" + strings.TrimSpace(sections[name]) + "\n"
		}
	}
	return text
}
