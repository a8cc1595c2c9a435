package self

import cryptorand "crypto/rand"

// Names are what a node calls itself to others: by its program, or, for who is anonymous, by nothing.
type Names struct {
	Version   string // of the program
	Anonymous bool
}

// Client is how we call ourselves to peers and servers; empty if we do not.
func (n Names) Client() string {
	if n.Anonymous {
		return ""
	}
	return "potluck/" + n.Version
}

// Mapping is what a router shows to its owner of what it maps for us.
func (n Names) Mapping() string {
	if n.Anonymous {
		return "mapping"
	}
	return "potluck"
}

// DHT is how we call ourselves to other nodes of the DHT: two letters and two bytes.
func (n Names) DHT() string {
	if n.Anonymous {
		return ""
	}
	return "PK\x01\x00"
}

// PeerIDs makes our id for each object. It is the same for all, unless nobody is to know that it is the same node that has them.
func (n Names) PeerIDs() func() [20]byte {
	if n.Anonymous {
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
