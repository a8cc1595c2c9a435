// Package words is what commands have to say to people: sizes, rates and times, objects and peers, the state of a node, a line or two
// for each. Nothing that came from a stranger is in it without [potluck.Printable].
package words

import "github.com/potluck-p2p/potluck"

// printable makes what came from a stranger safe to show.
func printable(s string) string { return potluck.Printable(s) }
