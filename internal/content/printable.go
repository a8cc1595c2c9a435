package content

import (
	"strconv"
	"strings"
)

// Printable makes a string from a stranger safe to show in a terminal or a log (promise 4.7): control characters, marks
// that change the direction of text, and bytes that are no text are escaped as Go would; the rest stays.
func Printable(s string) string {
	q := strconv.Quote(s)
	return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
}
