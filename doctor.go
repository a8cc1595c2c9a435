package potluck

import "github.com/potluck-p2p/potluck/internal/reach/doctor"

// Checkup is what of a node others can reach, what not, and why.
type Checkup struct {
	// Reach is "reached" if strangers can begin an exchange with the node, "blocked" if they cannot, "undecided" as long as nothing
	// proves either, and "not-intended" offline.
	Reach    string
	Findings []Finding
}

// Finding is one thing that was looked at.
type Finding struct {
	Subject string
	Level   string // "ok", "warn", "bad", or "unknown" if there is no telling
	What    string // how it is
	Why     string // why it is so; may be empty
	Advice  string // what to do; empty if there is nothing
}

// Examine explains what of the node others can reach, what not, why, and what to do. It asks nobody: what it knows grows while
// the node runs.
func (n *Node) Examine() Checkup {
	list, reach := n.n.Examine()
	c := Checkup{Reach: string(reach)}
	for _, f := range list {
		c.Findings = append(c.Findings, findingOf(f))
	}
	return c
}

func findingOf(f doctor.Finding) Finding {
	return Finding{f.Subject, string(f.Level), f.What, f.Why, f.Advice}
}
