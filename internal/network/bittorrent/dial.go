package bittorrent

import (
	"context"
	"errors"
	"net/netip"
	"time"

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
	sh.running.Go(func() { sh.guarded(func() { sh.dial(ctx, o, addr, try) }) })
}

func (sh *Shell) dial(ctx context.Context, o *Object, addr netip.AddrPort, try int) {
	joined := false
	defer func() {
		if !joined {
			o.Swarm.DialFailed(sh.cfg.Now(), addr)
		}
	}()
	l, join, err := sh.reach(ctx, o, addr, try)
	if err != nil {
		return
	}
	defer l.Close()
	joined = sh.run(ctx, l, o, join)
}

// reach tries one way of connecting after the other, for as long as the peer does not answer: another beginning if it is there,
// and then uTP. The caller closes the line.
func (sh *Shell) reach(ctx context.Context, o *Object, addr netip.AddrPort, try int) (l *line, join swarm.Joining, err error) {
	first := true
	for _, by := range sh.transports() {
		ways := sh.ways(addr)
		for i, w := range ways {
			if !first && !o.Swarm.DialAgain(addr) {
				return nil, join, err
			}
			first = false
			patience := handshakePatience
			if w == encrypted && i < len(ways)-1 {
				patience = secondTry
			}
			l, join, err = sh.reachBy(ctx, by, w, o, addr, try, patience)
			if err == nil {
				if w == plain && i > 0 {
					sh.plain.add(addr)
				} else if w == encrypted {
					sh.plain.remove(addr)
				}
				return l, join, nil
			}
			sh.cfg.Log.Debug("cannot connect", "peer", addr, "over", by, "by", w, "encryption", sh.cfg.Encryption, "err", err)
			if !errors.Is(err, errMute) {
				break
			}
		}
		// Who hangs up without a word is most often full, and has his tries later; only then it may be that he takes no TCP.
		if !errors.Is(err, errNobody) && (try == 0 || !errors.Is(err, errMute)) {
			break
		}
	}
	return nil, join, err
}

// reachBy makes one connection, and has its handshake done.
func (sh *Shell) reachBy(ctx context.Context, by transport, w way, o *Object, addr netip.AddrPort, try int, patience time.Duration) (l *line, join swarm.Joining, err error) {
	conn, err := sh.connect(ctx, by, addr)
	if err != nil {
		return nil, join, err
	}
	defer func() {
		if l == nil {
			conn.Close()
		}
	}()
	return sh.offerHandshake(ctx, conn, w, o, addr, try, patience)
}
