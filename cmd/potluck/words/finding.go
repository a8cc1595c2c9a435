package words

import (
	"fmt"
	"strings"

	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
)

// levelWidth and subjectWidth are how wide a level and a subject are shown.
const levelWidth, subjectWidth = 7, 12

// Finding is a line for a finding, and below it why it is so and what to do.
func Finding(f v1.Finding) string {
	text := fmt.Sprintf("%-*s  %-*s  %s", levelWidth, printable(f.Level), subjectWidth, printable(f.Subject), printable(f.What))
	below := "\n" + strings.Repeat(" ", levelWidth+subjectWidth+4)
	if f.Why != "" {
		text += below + "Why: " + printable(f.Why)
	}
	if f.Advice != "" {
		text += below + "Do:  " + printable(f.Advice)
	}
	return text
}
