package words

import v1 "github.com/potluck-p2p/potluck/internal/api/v1"

// shortKey is how much of a key is shown: enough to tell peers apart.
const shortKey = 8

// Secrecy is what keeps a connection from others: nothing, MSE, or TLS with whoever has the key that begins so.
func Secrecy(p v1.Peer) string {
	switch {
	case p.Encrypted == "":
		return "-"
	case p.Key == "":
		return printable(p.Encrypted)
	}
	return printable(p.Encrypted + " " + p.Key[:min(len(p.Key), shortKey)])
}
