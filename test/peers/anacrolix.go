package peers

import (
	"strconv"
	"testing"
)

// Anacrolix is the driver over anacrolix/torrent that was built from the module in the folder anacrolix, by its path; "" if it
// was not. It is none of Clients: only who builds it has it. Version 1.59.1 takes a hybrid of one file for a folder of that name.
func Anacrolix(program string) Client {
	return Client{
		Name:        "anacrolix",
		Formats:     []Format{V1},
		Dials:       true,
		missing:     func() string { return missingAnacrolix(program) },
		start:       func(t testing.TB, o Options) Peer { return startAnacrolix(t, program, o) },
		Encryptions: anacrolixEncryptions,
	}
}

func missingAnacrolix(program string) string {
	if program == "" {
		return "the driver over anacrolix/torrent (test/peers/anacrolix)"
	}
	return ""
}

func startAnacrolix(t testing.TB, program string, o Options) Peer {
	t.Helper()
	addr := o.at()
	args := []string{"run", o.Torrent, "--listen", addr.String(), "--save", o.Dir, "--up", strconv.Itoa(o.UpRate)}
	for _, a := range o.Dial {
		args = append(args, "--peer", a.String())
	}
	if o.UTP {
		args = append(args, "--utp")
	}
	if o.Hold {
		args = append(args, "--hold")
	}
	return startDriven(t, "anacrolix", addr, o, o.command(program, append(args, o.Encryption.settings...)...))
}
