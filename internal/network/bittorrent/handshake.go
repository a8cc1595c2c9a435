package bittorrent

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

var (
	errUnknownObject = errors.New("asks for an object that we do not have")
	errOtherObject   = wire.ProtocolError("answered with another info-hash")
)

// offerHandshake speaks first on a connection that we dialled.
func (sh *Shell) offerHandshake(ctx context.Context, conn net.Conn, o *Object, addr netip.AddrPort, try int) (swarm.Joining, error) {
	defer limit(ctx, conn)()
	hash := o.hash()
	names := hash.Wire()
	name := names[try%len(names)]
	if _, err := conn.Write(sh.handshake(hash, name)); err != nil {
		return swarm.Joining{}, err
	}
	theirs, err := readHandshake(conn)
	if err != nil {
		return swarm.Joining{}, err
	}
	if !hash.Matches(theirs.InfoHash) {
		return swarm.Joining{}, errOtherObject
	}
	return swarm.Joining{Addr: addr, Outgoing: true, Remote: theirs, V2: isV2(hash, theirs.InfoHash)}, nil
}

// welcome has a connection that we accepted wait in the room until its handshake is done.
func (sh *Shell) welcome(ctx context.Context, conn net.Conn, leave func()) (*Object, swarm.Joining, error) {
	defer leave()
	return sh.answerHandshake(ctx, conn)
}

// answerHandshake reads the handshake of a connection that we accepted, finds its object and answers.
func (sh *Shell) answerHandshake(ctx context.Context, conn net.Conn) (*Object, swarm.Joining, error) {
	defer limit(ctx, conn)()
	theirs, err := readHandshake(conn)
	if err != nil {
		return nil, swarm.Joining{}, err
	}
	o := sh.cfg.Find(theirs.InfoHash)
	if o == nil {
		return nil, swarm.Joining{}, errUnknownObject
	}
	hash := o.hash()
	name := theirs.InfoHash
	// BEP 52: a peer that connects by the v1 info-hash of a hybrid and sets the v2 bit is answered with the v2 info-hash,
	// which upgrades the connection.
	if v2, ok := hash.V2(); ok && theirs.Reserved.Has(wire.FeatureV2) {
		name = [20]byte(v2[:20])
	}
	if _, err := conn.Write(sh.handshake(hash, name)); err != nil {
		return nil, swarm.Joining{}, err
	}
	return o, swarm.Joining{Addr: netx.AddrPort(conn.RemoteAddr()), Remote: theirs, V2: isV2(hash, name)}, nil
}

func (sh *Shell) handshake(hash metainfo.InfoHash, name [20]byte) []byte {
	features := []wire.Feature{wire.FeatureFast, wire.FeatureExtended}
	if _, ok := hash.V2(); ok {
		features = append(features, wire.FeatureV2)
	}
	return wire.AppendHandshake(nil, wire.Handshake{
		Reserved: wire.MakeReserved(features...),
		InfoHash: name,
		PeerID:   sh.cfg.PeerID,
	})
}

func isV2(hash metainfo.InfoHash, name [20]byte) bool {
	v2, ok := hash.V2()
	return ok && name == [20]byte(v2[:20])
}

func readHandshake(conn net.Conn) (wire.Handshake, error) {
	var b [wire.HandshakeSize]byte
	// The first byte tells a stranger from a peer, before anything is waited for.
	if _, err := io.ReadFull(conn, b[:20]); err != nil {
		return wire.Handshake{}, err
	}
	if !wire.IsHandshake(b[:20]) {
		return wire.Handshake{}, wire.ProtocolError("not a BitTorrent handshake")
	}
	if _, err := io.ReadFull(conn, b[20:]); err != nil {
		return wire.Handshake{}, err
	}
	return wire.ParseHandshake(b[:])
}

// limit bounds the time of a handshake and makes it end with the context. The returned function takes the bounds away.
func limit(ctx context.Context, conn net.Conn) (lift func()) {
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	timer := time.AfterFunc(handshakePatience, func() { conn.Close() })
	return func() {
		stop()
		timer.Stop()
	}
}
