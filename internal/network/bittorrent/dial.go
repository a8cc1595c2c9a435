package bittorrent

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/identity"
	"github.com/potluck-p2p/potluck/internal/network/bittorrent/line"
	"github.com/potluck-p2p/potluck/internal/protocol/mse"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// Patience with those who do not answer. Who can do without encryption is tried so after secondTry.
const (
	dialPatience      = 8 * time.Second
	handshakePatience = 10 * time.Second
	secondTry         = 2 * time.Second
)

// Dial connects to a peer for an object and stays until the connection ends. try counts earlier failed attempts: a hybrid
// object tries its info-hashes in turn.
func (sh *Shell) Dial(ctx context.Context, o *Object, addr netip.AddrPort, try int) {
	sh.running.Go(func() { sh.guarded(func() { sh.dial(ctx, o, addr, try, sh.approach(o, addr, try)) }) })
}

func (sh *Shell) dial(ctx context.Context, o *Object, addr netip.AddrPort, try int, a approach) {
	joined := false
	defer func() {
		switch {
		case joined:
		case sh.barred():
			o.Swarm.DialBarred(sh.cfg.Now(), addr)
		default:
			o.Swarm.DialFailed(sh.cfg.Now(), addr)
		}
	}()
	l, join, err := sh.reach(ctx, o, addr, try, a)
	if err != nil {
		return
	}
	defer l.Close()
	joined = sh.run(ctx, l, o, join)
}

// reach tries one way of connecting after the other, for as long as the peer does not answer: another beginning if it is there,
// and then uTP. The caller closes the line.
func (sh *Shell) reach(ctx context.Context, o *Object, addr netip.AddrPort, try int, a approach) (l *line.Line, join swarm.Joining, err error) {
	first := true
	for _, by := range a.transports(sh.transports(o, addr)) {
		pin := o.Swarm.Pin(addr)
		ways := sh.ways(o, addr, pin)
		if len(ways) == 0 {
			sh.cfg.Log.Debug("not dialled", "peer", addr, "encryption", sh.cfg.Encryption, "err", errNoPin)
			return nil, join, errNoPin
		}
		if by == overUTP {
			sh.askRelay(o, a, addr, err)
		}
		for i, w := range ways {
			if !first && (sh.barred() || !o.Swarm.DialAgain(addr)) {
				return nil, join, err
			}
			first = false
			patience := handshakePatience
			if w != plain && i < len(ways)-1 {
				patience = secondTry
			}
			l, join, err = sh.reachBy(ctx, by, w, pin.Key, o, addr, try, patience)
			if errors.Is(err, mse.ErrShort) && !sh.barred() && o.Swarm.DialAgain(addr) {
				l, join, err = sh.reachBy(ctx, by, w, pin.Key, o, addr, try, patience)
			}
			if err == nil {
				sh.learn(o, addr, ways[:i+1])
				return l, join, nil
			}
			sh.cfg.Log.Debug("cannot connect", "peer", addr, "over", by, "by", w, "encryption", sh.cfg.Encryption, "err", err)
			if !errors.Is(err, errMute) && !sh.isAnother(o, addr, pin, err) {
				break
			}
		}
		// Who hangs up without a word is most often full, and has his tries later; only then it may be that he takes no TCP.
		if by == overEither && errors.Is(err, errNobody) || !errors.Is(err, errNobody) && (try == 0 || !errors.Is(err, errMute)) {
			break
		}
	}
	return nil, join, err
}

// learn remembers what the last of some ways to an address, which worked after the others had not, says about the next time.
func (sh *Shell) learn(o *Object, addr netip.AddrPort, tried []way) {
	switch w := tried[len(tried)-1]; {
	case w == plain && len(tried) > 1:
		sh.plain.add(addr)
	case w == encrypted:
		sh.plain.remove(addr)
	}
	if tried[0] == proven && len(tried) > 1 {
		o.Swarm.Unpin(addr) // somebody else is there now, who does not speak TLS
	}
}

// isAnother looks whether an attempt failed because another node is at an address than before, and reports whether that may be
// tried otherwise: an address changes hands. If it is another than the one that is meant, that is for the user to know.
func (sh *Shell) isAnother(o *Object, addr netip.AddrPort, pin swarm.Pin, err error) bool {
	var other *identity.OtherKeyError
	if !errors.As(err, &other) {
		return false
	}
	if pin.Firm() && o.Estranged != nil {
		o.Estranged(addr, other)
	}
	return !pin.Firm()
}

// reachBy makes one connection, and has its handshake done; key is who must be there if that is by TLS.
func (sh *Shell) reachBy(ctx context.Context, by transport, w way, key identity.Key, o *Object, addr netip.AddrPort, try int, patience time.Duration) (l *line.Line, join swarm.Joining, err error) {
	var conn net.Conn
	if by == overEither {
		conn, err = sh.race(ctx, addr, func() bool { return o.Swarm.DialAgain(addr) })
	} else {
		conn, err = sh.connect(ctx, by, addr, sh.knocking(o, by, addr))
	}
	if err != nil {
		return nil, join, err
	}
	defer func() {
		if l == nil {
			conn.Close()
		}
	}()
	return sh.offerHandshake(ctx, conn, w, key, o, addr, try, patience)
}
