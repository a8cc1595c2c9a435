package bittorrent

import (
	"io"
	"math/big"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/protocol/mse"
	"github.com/potluck-p2p/potluck/internal/swarm"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// shortAnswer is a public key for MSE that makes, with the one given, a secret that begins with a zero.
func shortAnswer(ya []byte) []byte {
	prime, _ := new(big.Int).SetString("ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74"+
		"020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a63a36210000000000090563", 16)
	next := func(power, of *big.Int) { power.Mod(power.Mul(power, of), prime) }
	theirs, two := new(big.Int).SetBytes(ya), big.NewInt(2)
	secret, yb := new(big.Int).Set(theirs), big.NewInt(2)
	for secret.BitLen() > 8*(len(ya)-1) {
		next(secret, theirs)
		next(yb, two)
	}
	return yb.FillBytes(make([]byte, len(ya)))
}

// Where chance makes a secret that not everybody understands, another connection is made at once.
func TestShortSecretIsNotKept(t *testing.T) {
	for _, policy := range []mse.Policy{mse.Prefer, mse.Require} {
		t.Run(policy.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := makeSample(t, "v1", 16<<10, 100)
				w := netxtest.NewWorld(1)
				r := newRig(t, w, "10.0.0.1", s, options{encryption: policy})
				l, err := w.Host("10.0.0.2").ListenTCP(t.Context(), netip.MustParseAddrPort("0.0.0.0:9000"))
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				accept := func() net.Conn {
					conn, err := l.Accept()
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() { conn.Close() })
					return conn
				}
				r.object.Swarm.Found(swarm.FromUser, netip.MustParseAddrPort("10.0.0.2:9000"))
				conn := accept()
				ya := make([]byte, 96)
				if _, err := io.ReadFull(conn, ya); err != nil {
					t.Fatal(err)
				}
				if _, err := conn.Write(shortAnswer(ya)); err != nil {
					t.Fatal(err)
				}
				begun := r.shell.cfg.Now()
				conn = accept()
				if took := r.shell.cfg.Now().Sub(begun); took > secondTry/10 {
					t.Errorf("dialled again after %v", took)
				}
				theirs, _, err := agree(conn, mse.NewResponder(newSeed(), mse.RC4, func([20]byte) ([20]byte, bool) { return anyName(s), true }), nil)
				if err != nil {
					t.Fatal(err)
				}
				if h, err := readHandshake(theirs); err != nil || h.InfoHash != anyName(s) {
					t.Errorf("%+v, %v", h, err)
				}
				if _, err := theirs.Write(wire.AppendHandshake(nil, wire.Handshake{InfoHash: anyName(s), PeerID: [20]byte{'x'}})); err != nil {
					t.Fatal(err)
				}
				(&peer{Conn: theirs, t: t}).alive()
			})
		})
	}
}
