package node

import (
	cryptorand "crypto/rand"

	"github.com/potluck-p2p/potluck/internal/netx"
)

// client is how we call ourselves to others; empty if we do not.
func (n *Node) client() string {
	if n.cfg.Anonymous {
		return ""
	}
	return "potluck/" + n.cfg.Version
}

// mappingName is what a router shows to its owner of what it maps for us.
func (n *Node) mappingName() string {
	if n.cfg.Anonymous {
		return "mapping"
	}
	return "potluck"
}

// dhtVersion is how we call ourselves to other nodes of the DHT: two letters and two bytes.
func (n *Node) dhtVersion() string {
	if n.cfg.Anonymous {
		return ""
	}
	return "PK\x01\x00"
}

// peerIDs makes our id for each object. It is the same for all, unless nobody is to know that it is the same node that has them.
func (n *Node) peerIDs() func() [20]byte {
	if n.cfg.Anonymous {
		return func() (id [20]byte) {
			cryptorand.Read(id[:])
			return id
		}
	}
	id := newPeerID()
	return func() [20]byte { return id }
}

// newPeerID draws our id for this run. BEP 20: "-", two letters for the client, four for the version, "-".
func newPeerID() (id [20]byte) {
	cryptorand.Read(id[:])
	copy(id[:], "-PK0100-")
	const alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
	for i := range id[8:] {
		id[8+i] = alphabet[id[8+i]%64]
	}
	return id
}

// isExposed reports whether whoever hears from us sees the address that the system takes, since we are confined to no other way.
func isExposed(nw netx.Network) bool { return len(netx.Conditions(nw)) == 0 }
