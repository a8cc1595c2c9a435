package catalog

import "crypto/ed25519"

// FeedRole says what an object has to do with a feed.
type FeedRole string

// The roles. They are stored.
const (
	NoFeed    FeedRole = ""
	Published FeedRole = "published" // a share that is the newest version of a feed of ours
	Followed  FeedRole = "followed"  // fetched, and replaced by each newer version
)

// Feed is the feed (BEP 46) that an object publishes or follows. The zero Feed is none.
type Feed struct {
	Role      FeedRole
	Publisher [ed25519.PublicKeySize]byte
	Salt      string
	// Sequence is that of the item last published or taken: one that is not higher is old.
	Sequence int64
	// Value and Signature are that item's, as far as it is known; those of a followed feed are passed on.
	Value, Signature []byte
}

const (
	maxSalt  = 64   // BEP 44
	maxValue = 1000 // BEP 44
)

// Is reports whether two feeds are one: of the same publisher and name.
func (f *Feed) Is(publisher [ed25519.PublicKeySize]byte, salt string) bool {
	return f.Role != NoFeed && f.Publisher == publisher && f.Salt == salt
}

func (f *Feed) validate() error {
	switch {
	case f.Role != NoFeed && f.Role != Published && f.Role != Followed:
		return invalid("feed", "the role %.100q is unknown", string(f.Role))
	case len(f.Salt) > maxSalt || len(f.Value) > maxValue || len(f.Signature) > ed25519.SignatureSize:
		return invalid("feed", "its salt, value or signature is too long")
	case f.Sequence < 0:
		return invalid("feed", "the sequence %d is negative", f.Sequence)
	}
	return nil
}

// values are the feed's columns as they are stored.
func (f *Feed) values() []any {
	if f.Role == NoFeed {
		return []any{"", nil, nil, 0, nil, nil}
	}
	return []any{string(f.Role), f.Publisher[:], []byte(f.Salt), f.Sequence, f.Value, f.Signature}
}

// setNames takes the columns that need a look: of no feed they are null.
func (f *Feed) setNames(publisher, salt []byte) error {
	if f.Role == NoFeed {
		return nil
	}
	if len(publisher) != len(f.Publisher) {
		return invalid("feed", "the publisher's key has %d bytes", len(publisher))
	}
	f.Publisher, f.Salt = [ed25519.PublicKeySize]byte(publisher), string(salt)
	return nil
}
