package v1

import "github.com/potluck-p2p/potluck"

// Checkup is what of the node others can reach, what not, and why.
type Checkup struct {
	Reach    string    `json:"reach" enum:"reached,blocked,undecided,not-intended" doc:"whether strangers can begin an exchange with the node"`
	Findings []Finding `json:"findings"`
}

// Finding is one thing that was looked at.
type Finding struct {
	Subject string `json:"subject"`
	Level   string `json:"level" enum:"ok,warn,bad,unknown"`
	What    string `json:"what" doc:"how it is; parts of it may be others' words: escape it where shown"`
	Why     string `json:"why,omitzero" doc:"why it is so"`
	Advice  string `json:"advice,omitzero" doc:"what to do"`
}

func checkupOf(c potluck.Checkup) Checkup {
	out := Checkup{Reach: c.Reach, Findings: []Finding{}}
	for _, f := range c.Findings {
		out.Findings = append(out.Findings, Finding(f))
	}
	return out
}
