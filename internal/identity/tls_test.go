package identity

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"
)

func newIdentity(t testing.TB, seed byte) *Identity {
	t.Helper()
	id, err := New([32]byte{seed})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// ears is one end of a connection on which everything said is noted.
type ears struct {
	net.Conn
	mu   *sync.Mutex
	said *bytes.Buffer
}

func (e ears) Write(p []byte) (int, error) {
	e.mu.Lock()
	e.said.Write(p)
	e.mu.Unlock()
	return e.Conn.Write(p)
}

// meet lets two ends shake hands, and each send a word if that worked. It returns how each fared, and all that was heard on
// the way.
func meet(t *testing.T, dial, accept *tls.Config) (client, server *tls.Conn, heard []byte, dialErr, acceptErr error) {
	t.Helper()
	a, b := net.Pipe()
	deadline := time.Now().Add(30 * time.Second)
	a.SetDeadline(deadline)
	b.SetDeadline(deadline)
	var said bytes.Buffer
	var mu sync.Mutex
	client, server = tls.Client(ears{a, &mu, &said}, dial), tls.Server(ears{b, &mu, &said}, accept)
	var both sync.WaitGroup
	both.Go(func() {
		defer b.Close()
		if acceptErr = server.Handshake(); acceptErr == nil {
			io.ReadFull(server, make([]byte, len("a secret word")))
		}
	})
	both.Go(func() {
		defer a.Close()
		if dialErr = client.Handshake(); dialErr == nil {
			both.Go(func() { client.Write([]byte("a secret word")) })
			io.Copy(io.Discard, client) // a pipe holds nothing: who refuses us says so while we speak
		}
	})
	both.Wait()
	return client, server, said.Bytes(), dialErr, acceptErr
}

func TestBothEndsAreProven(t *testing.T) {
	alice, bob := newIdentity(t, 1), newIdentity(t, 2)
	client, server, heard, dialErr, acceptErr := meet(t, alice.Dial(bob.Key()), bob.Accept())
	if dialErr != nil || acceptErr != nil {
		t.Fatal(dialErr, acceptErr)
	}
	if k, err := PeerOf(client.ConnectionState()); err != nil || k != bob.Key() {
		t.Errorf("who dials met %v, %v", k, err)
	}
	s := server.ConnectionState()
	if k, err := PeerOf(s); err != nil || k != alice.Key() {
		t.Errorf("who accepts met %v, %v", k, err)
	}
	if s.Version != tls.VersionTLS13 || s.ServerName != "" || s.NegotiatedProtocol != "" {
		t.Errorf("%+v", s)
	}
	for name, secret := range map[string][]byte{
		"what is said": []byte("a secret word"), "alice's key": alice.key[:], "bob's key": bob.key[:],
		"alice's certificate": alice.certificate.Certificate[0][:40], "the name": []byte("potluck"),
	} {
		if bytes.Contains(heard, secret) {
			t.Errorf("%s was heard on the way", name)
		}
	}
}

func TestAnotherNodeIsRefused(t *testing.T) {
	alice, bob, mallory := newIdentity(t, 1), newIdentity(t, 2), newIdentity(t, 3)
	_, server, _, dialErr, acceptErr := meet(t, alice.Dial(bob.Key()), mallory.Accept())
	var other *OtherKeyError
	if !errors.As(dialErr, &other) || other.Want != bob.Key() || other.Got != mallory.Key() {
		t.Errorf("who dials: %v", dialErr)
	}
	if acceptErr == nil || len(server.ConnectionState().PeerCertificates) != 0 {
		t.Errorf("the wrong node has learned who dialled: %v", acceptErr)
	}
}

// Who cannot prove a key of ours is turned away: no certificate, one of another kind, an older TLS, somebody else's certificate.
func TestUnprovenIsRefused(t *testing.T) {
	alice, bob, mallory := newIdentity(t, 1), newIdentity(t, 2), newIdentity(t, 3)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*tls.Config){
		"no certificate": func(c *tls.Config) { c.Certificates = nil },
		"another kind": func(c *tls.Config) {
			c.Certificates = []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}
		},
		"TLS 1.2": func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 },
		"alice's certificate, mallory's key": func(c *tls.Config) {
			c.Certificates = []tls.Certificate{{Certificate: alice.certificate.Certificate, PrivateKey: mallory.certificate.PrivateKey}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dial := alice.Dial(bob.Key())
			change(dial)
			if _, _, _, _, acceptErr := meet(t, dial, bob.Accept()); acceptErr == nil {
				t.Error("it is let in")
			}
			accept := bob.Accept()
			change(accept)
			if name == "alice's certificate, mallory's key" {
				accept.Certificates[0].Certificate = bob.certificate.Certificate
			}
			if _, _, _, dialErr, _ := meet(t, alice.Dial(bob.Key()), accept); dialErr == nil {
				t.Error("it is taken for bob")
			}
		})
	}
}

func TestSameSeedSameCertificate(t *testing.T) {
	a, b, other := newIdentity(t, 1), newIdentity(t, 1), newIdentity(t, 2)
	if a.Key() != b.Key() || !bytes.Equal(a.certificate.Certificate[0], b.certificate.Certificate[0]) || a.Key() == other.Key() {
		t.Error("a seed does not stand for one identity")
	}
}
