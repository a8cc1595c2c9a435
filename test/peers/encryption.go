package peers

// Encryption is how a client treats encrypted connections (MSE).
type Encryption struct {
	// Name is what the client calls it.
	Name string
	// Accepts and Dials are the connections that it takes, and that it makes, in the second try at the latest.
	Accepts, Dials Secrecy
	settings       []string // as the client is told
}

// Secrecy is a set of kinds of connections.
type Secrecy uint8

const (
	// Plain connections begin with the name of the protocol.
	Plain Secrecy = 1 << iota
	// Veiled ones begin with the handshake of MSE, and go on in plaintext.
	Veiled
	// RC4 ones are enciphered to their end.
	RC4
)

// libtorrent knows policies for both directions (forced, enabled, disabled) and levels (plaintext 1, RC4 2, both 3), of
// which it prefers plaintext.
var libtorrentEncryptions = []Encryption{
	{"disabled", Plain, Plain, []string{"in_enc_policy=2", "out_enc_policy=2"}},
	{"enabled", Plain | Veiled | RC4, Plain | Veiled | RC4, nil},
	{"enabled, RC4 preferred", Plain | Veiled | RC4, Plain | Veiled | RC4, []string{"prefer_rc4=1"}},
	{"forced", RC4, RC4, []string{"in_enc_policy=0", "out_enc_policy=0", "allowed_enc_level=2"}},
	{"forced, plaintext", Veiled, Veiled, []string{"in_enc_policy=0", "out_enc_policy=0", "allowed_enc_level=1"}},
}

var transmissionEncryptions = []Encryption{
	{"tolerated", Plain | Veiled | RC4, Plain, []string{"0"}},
	{"preferred", Plain | Veiled | RC4, Plain | Veiled | RC4, []string{"1"}},
	{"required", RC4, RC4, []string{"2"}},
}

var aria2Encryptions = []Encryption{
	{"as it comes", Plain | Veiled | RC4, Plain | Veiled | RC4, nil},
	{"bt-require-crypto", RC4, RC4, []string{"--bt-require-crypto=true"}},
	{"bt-force-encryption", RC4, RC4, []string{"--bt-force-encryption=true"}},
}

var rtorrentEncryptions = []Encryption{
	{"none", Plain, Plain, []string{"protocol.encryption.set = none"}},
	{"allowed", Plain | Veiled | RC4, Plain | Veiled | RC4, []string{"protocol.encryption.set = allow_incoming,try_outgoing,enable_retry"}},
	{"plaintext preferred", Plain | Veiled | RC4, Plain | Veiled | RC4, []string{"protocol.encryption.set = allow_incoming,try_outgoing,enable_retry,prefer_plaintext"}},
	{"required", RC4, RC4, []string{"protocol.encryption.set = require,require_RC4"}},
}

var anacrolixEncryptions = []Encryption{
	{"none", Plain, Plain, nil},
	{"RC4", RC4, RC4, []string{"--rc4"}},
}
