package identity

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"time"
)

// Identity is a node's key with the private half, and a certificate for it.
type Identity struct {
	key         Key
	certificate tls.Certificate
}

// New makes the identity that a seed stands for: 32 secret bytes.
func New(seed [ed25519.SeedSize]byte) (*Identity, error) {
	private := ed25519.NewKeyFromSeed(seed[:])
	public := private.Public().(ed25519.PublicKey)
	// It says nothing but the key, so that it is the same at any time. RFC 5280: "To indicate that a certificate has no
	// well-defined expiration date, the notAfter SHOULD be assigned the GeneralizedTime value of 99991231235959Z."
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Unix(0, 0),
		NotAfter:     time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	}
	der, err := x509.CreateCertificate(nil, template, template, public, private)
	if err != nil {
		return nil, err
	}
	return &Identity{Key(public), tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}}, nil
}

// Key is the public half.
func (id *Identity) Key() Key { return id.key }

// OtherKeyError says that another node answered than the one that was dialled.
type OtherKeyError struct{ Want, Got Key }

func (e *OtherKeyError) Error() string {
	return "another node answers there, with the key " + e.Got.Short() + "... instead of " + e.Want.Short() + "..."
}

// ErrNoKey says that the other side proved no key of the kind that nodes have.
var ErrNoKey = errors.New("shows no node's key")

// Dial is for the side that dials a node with this key: the handshake fails with an *OtherKeyError if another answers, before
// our own key is shown.
func (id *Identity) Dial(key Key) *tls.Config {
	cfg := id.config()
	// The name and the chain of a certificate mean nothing here. What takes their place is VerifyConnection.
	cfg.InsecureSkipVerify = true
	cfg.VerifyConnection = func(s tls.ConnectionState) error {
		got, err := PeerOf(s)
		if err == nil && got != key {
			err = &OtherKeyError{Want: key, Got: got}
		}
		return err
	}
	return cfg
}

// Accept is for the side that is dialled: any key is taken, but one must be proven. PeerOf says which.
func (id *Identity) Accept() *tls.Config {
	cfg := id.config()
	cfg.ClientAuth = tls.RequireAnyClientCert
	cfg.VerifyConnection = func(s tls.ConnectionState) error {
		_, err := PeerOf(s)
		return err
	}
	return cfg
}

func (id *Identity) config() *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{id.certificate},
		MinVersion:   tls.VersionTLS13,
		// Tickets would let an observer join what a node does now to what it did before.
		SessionTicketsDisabled: true,
		// Small records help those who show the beginning of a page; here blocks are long.
		DynamicRecordSizingDisabled: true,
	}
}

// PeerOf is the key that the other side has shown. When the handshake is complete it is proven.
func PeerOf(s tls.ConnectionState) (Key, error) {
	if len(s.PeerCertificates) == 0 {
		return Key{}, ErrNoKey
	}
	public, ok := s.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	// The zero key is a point for which anybody can sign.
	if !ok || len(public) != ed25519.PublicKeySize || Key(public).IsZero() {
		return Key{}, ErrNoKey
	}
	return Key(public), nil
}
