package bittorrent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/identity"
	"github.com/potluck-p2p/potluck/internal/network/bittorrent/line"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

var (
	errUnknownObject = errors.New("asks for an object that we do not have")
	errOtherObject   = wire.ProtocolError("speaks of another info-hash than before")
)

// offerHandshake speaks first on a connection that we dialled, in the way given.
func (sh *Shell) offerHandshake(ctx context.Context, conn net.Conn, w way, key identity.Key, o *Object, addr netip.AddrPort, try int, patience time.Duration) (*line.Line, swarm.Joining, error) {
	defer limit(ctx, conn)()
	hash := o.hash()
	names := hash.Wire()
	name := names[try/waysOfOne%len(names)]
	ours := sh.handshake(o, hash, name)
	l := line.Plain(conn, nil)
	var err error
	switch w {
	case encrypted:
		l, err = sh.encrypt(conn, name, ours, patience)
	case proven:
		if l, err = sh.prove(conn, o.Identity, key, patience); err == nil {
			_, err = l.Write(ours)
		}
	default:
		if _, err = conn.Write(ours); err != nil {
			err = fmt.Errorf("%w: %w", errMute, err)
		}
	}
	if err != nil {
		return nil, swarm.Joining{}, err
	}
	theirs, err := readHandshake(l)
	if err != nil {
		return nil, swarm.Joining{}, err
	}
	if !hash.Matches(theirs.InfoHash) {
		return nil, swarm.Joining{}, errOtherObject
	}
	join := swarm.Joining{
		Addr: addr, Outgoing: true, UTP: isUTP(conn), Hidden: l.Hidden(), Key: l.Key(), Remote: theirs, V2: isV2(hash, theirs.InfoHash),
	}
	if sh.cfg.Encryption.TLS() && o.Identity != nil {
		join.Upgrade = func(key identity.Key) {
			sh.running.Go(func() { sh.guarded(func() { sh.upgrade(ctx, o, carrierOf(conn), addr, key) }) })
		}
	}
	return l, join, nil
}

// welcome has a connection that we accepted wait in the room until its handshake is done.
func (sh *Shell) welcome(ctx context.Context, conn net.Conn, leave func()) (*line.Line, *Object, swarm.Joining, error) {
	defer leave()
	return sh.answerHandshake(ctx, conn)
}

// answerHandshake reads the handshake of a connection that we accepted, finds its object and answers.
func (sh *Shell) answerHandshake(ctx context.Context, conn net.Conn) (*line.Line, *Object, swarm.Joining, error) {
	defer limit(ctx, conn)()
	l, session, err := sh.open(conn)
	if err != nil {
		return nil, nil, swarm.Joining{}, err
	}
	theirs, err := readHandshake(l)
	if err != nil {
		return nil, nil, swarm.Joining{}, err
	}
	o := sh.cfg.Find(theirs.InfoHash)
	if o == nil {
		return nil, nil, swarm.Joining{}, errUnknownObject
	}
	hash := o.hash()
	if session != nil && !hash.Matches(session.SKEY) {
		return nil, nil, swarm.Joining{}, errOtherObject
	}
	name := theirs.InfoHash
	// BEP 52: a peer that connects by the v1 info-hash of a hybrid and sets the v2 bit is answered with the v2 info-hash,
	// which upgrades the connection.
	if v2, ok := hash.V2(); ok && theirs.Reserved.Has(wire.FeatureV2) {
		name = [20]byte(v2[:20])
	}
	if _, err := l.Write(sh.handshake(o, hash, name)); err != nil {
		return nil, nil, swarm.Joining{}, err
	}
	return l, o, swarm.Joining{
		Addr: netx.AddrPort(conn.RemoteAddr()), UTP: isUTP(conn), Hidden: l.Hidden(), Key: l.Key(), Remote: theirs, V2: isV2(hash, name),
	}, nil
}

func (sh *Shell) handshake(o *Object, hash metainfo.InfoHash, name [20]byte) []byte {
	features := []wire.Feature{wire.FeatureFast, wire.FeatureExtended}
	if _, ok := hash.V2(); ok {
		features = append(features, wire.FeatureV2)
	}
	if o.Swarm.SpeaksDHT() {
		features = append(features, wire.FeatureDHT)
	}
	return wire.AppendHandshake(nil, wire.Handshake{
		Reserved: wire.MakeReserved(features...),
		InfoHash: name,
		PeerID:   o.Swarm.OwnID(),
	})
}

func isV2(hash metainfo.InfoHash, name [20]byte) bool {
	v2, ok := hash.V2()
	return ok && name == [20]byte(v2[:20])
}

// readHandshake reads a handshake. If not a byte of it comes, that is errMute.
func readHandshake(l *line.Line) (wire.Handshake, error) {
	var b [wire.HandshakeSize]byte
	// The beginning tells a stranger from a peer, before anything is waited for.
	if n, err := io.ReadFull(l, b[:opening]); n == 0 {
		return wire.Handshake{}, fmt.Errorf("%w: %w", errMute, err)
	} else if err != nil {
		return wire.Handshake{}, err
	}
	if !wire.IsHandshake(b[:opening]) {
		return wire.Handshake{}, wire.ProtocolError("not a BitTorrent handshake")
	}
	if _, err := io.ReadFull(l, b[opening:]); err != nil {
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
