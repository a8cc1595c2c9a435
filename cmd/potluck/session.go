package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"time"

	"github.com/potluck-p2p/potluck"
	"github.com/potluck-p2p/potluck/internal/api/client"
	"github.com/potluck-p2p/potluck/internal/api/socket"
	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
	"github.com/potluck-p2p/potluck/internal/config"
)

// session is a conversation with a node: the one that is running, or one in this process. A command does not know which,
// but for what ends with it.
type session struct {
	*client.Client
	cfg *config.Config
	own *ownNode // nil if the node is another process
}

// close ends the conversation, and the node if it is our own.
func (s *session) close() error {
	s.Client.Close()
	if s.own == nil {
		return nil
	}
	return s.own.close()
}

// kind is what sort of node a command starts in its own process when none is running.
type kind uint8

const (
	whole     kind = iota + 1 // answers at the home's socket like any other
	stateOnly                 // reads and changes the state, without network; nobody else is answered
)

// running speaks to the node that is running.
func (a *app) running() (*session, error) {
	cfg, err := a.config()
	if err != nil {
		return nil, err
	}
	c, err := client.Dial(a.ctx, a.disk, cfg.Home, socket.API)
	if err != nil {
		return nil, err
	}
	if err := a.insist(c); err != nil {
		c.Close()
		return nil, err
	}
	return &session{Client: c, cfg: cfg}, nil
}

// insist refuses a running node that encrypts less than --require-encryption wants: it is not told by a flag, and what is done
// with it could not be undone.
func (a *app) insist(c *client.Client) error {
	wanted, ok := a.flags["encryption"]
	if !ok {
		return nil
	}
	st, err := c.Status(a.ctx)
	if err != nil {
		return err
	}
	if st.Encryption == wanted || st.Encryption == required["authenticated"] {
		return nil
	}
	return usage("end it with potluck down, or set it by potluck config set encryption "+wanted+" and start it again",
		"a potluck is running already, with encryption = %s", printable(st.Encryption))
}

const (
	// lockPatience is how long to wait for a node that is about to answer, or to end.
	lockPatience = 5 * time.Second
	lockRetry    = 50 * time.Millisecond
)

// node speaks to the node that is running or, if there is none, starts one in this process.
func (a *app) node(k kind) (*session, error) {
	cfg, err := a.config()
	if err != nil {
		return nil, err
	}
	return a.whenFree(func() (*session, error) {
		if c, err := client.Dial(a.ctx, a.disk, cfg.Home, socket.API); err == nil {
			if err := a.insist(c); err != nil {
				c.Close()
				return nil, err
			}
			a.sayIgnored()
			return &session{Client: c, cfg: cfg}, nil
		}
		return a.start(cfg, k, slog.LevelError)
	})
}

// whenFree tries for a while what fails while the home's lock is held by a node that does not answer: it is about to do so,
// or to end.
func (a *app) whenFree(try func() (*session, error)) (*session, error) {
	retry := time.NewTicker(lockRetry)
	defer retry.Stop()
	for began := time.Now(); ; {
		s, err := try()
		if err == nil || potluck.AsError(err).Code != potluck.CodeLocked || time.Since(began) > lockPatience {
			return s, err
		}
		select {
		case <-a.ctx.Done():
			return nil, a.ctx.Err()
		case <-retry.C:
		}
	}
}

// limit makes --up and --down hold for one object, if the node is another process; our own has them for everything.
func (a *app) limit(s *session, id string) error {
	var l v1.Limit
	for key, at := range map[string]**int64{"up": &l.Up, "down": &l.Down} {
		text, ok := a.flags[key]
		if s.own != nil || !ok {
			continue
		}
		rate, err := config.ParseRate(text)
		if err != nil {
			return err
		}
		n := int64(rate)
		*at = &n
	}
	if l.Up == nil && l.Down == nil {
		return nil
	}
	_, err := s.Limit(a.ctx, id, l)
	return err
}

// sayIgnored tells the user which flags are for the node, and come too late for the one that is running.
func (a *app) sayIgnored() {
	for _, key := range []string{"listen", "api", "offline"} {
		if _, ok := a.flags[key]; ok {
			a.out.say("A potluck is running already, so --%s changes nothing.", key)
		}
	}
}

// settlePatience is how long a command that only looks waits for a node of its own to see what is on the disk.
const settlePatience = 2 * time.Second

// state opens the state of the home, and gives a node of our own a moment to compare it with the disk.
func (a *app) state() (*session, error) {
	s, err := a.node(stateOnly)
	if err != nil || s.own == nil {
		return s, err
	}
	ctx, cancel := context.WithTimeout(a.ctx, settlePatience)
	defer cancel()
	news, err := s.Events(ctx)
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	list, err := s.Objects(ctx)
	checking := make(map[string]bool)
	for _, o := range list {
		if o.State == string(potluck.Checking) {
			checking[o.ID] = true
		}
	}
	if err != nil || len(checking) == 0 {
		return s, nil
	}
	for e, err := range news {
		if err != nil {
			break // that was the moment
		}
		if e.Object.State != string(potluck.Checking) {
			delete(checking, e.Object.ID)
		}
		if len(checking) == 0 {
			break
		}
	}
	return s, nil
}

// ownNode is a node in this process, with its API.
type ownNode struct {
	node   *potluck.Node
	server *v1.Server
}

// start starts a node in this process and speaks to it.
func (a *app) start(cfg *config.Config, k kind, level slog.Level) (*session, error) {
	listen, err := listenAt(cfg)
	if err != nil {
		return nil, err
	}
	if k == whole && cfg.Anonymous && cfg.Bind == "" && cfg.Proxy.Host == "" {
		a.out.say("Anonymous, but whoever is spoken to sees the address of this computer: net.proxy or net.bind hide it.")
	}
	log := a.logger(level)
	n, err := potluck.Open(a.ctx, potluck.Options{
		Bind: cfg.Bind, NameServers: cfg.NameServers, Proxy: cfg.Proxy.URL(), Anonymous: cfg.Anonymous,
		Home: cfg.Home, DownloadDir: cfg.DownloadDir, Listen: listen, Offline: cfg.Offline, NoNetwork: k == stateOnly,
		Schedule: cfg.Schedule, LimitLAN: cfg.LimitLAN, BlockLists: cfg.BlockLists, SuperSeeding: cfg.SuperSeeding,
		Up: int64(cfg.Up), Down: int64(cfg.Down), Slots: cfg.Slots, MaxPeers: cfg.MaxPeers, Encryption: cfg.Encryption.String(),
		NoPortMapping: !cfg.PortMapping,
		NoUTP:         !cfg.UTP, NoHolePunching: !cfg.HolePunching, NoDHT: !cfg.DHT, DHTRouters: cfg.DHTRouters,
		Ratio: cfg.Ratio, SeedTime: cfg.SeedTime, FeedPoll: cfg.FeedPoll, ActiveFetches: cfg.ActiveFetches, ActiveSeeds: cfg.ActiveSeeds, Log: log,
	})
	if err != nil {
		return nil, err
	}
	name := socket.API
	if k == stateOnly {
		name = socket.Private
	}
	own := &ownNode{node: n, server: v1.New(v1.Config{
		Node: n, Log: log, Shutdown: a.cancel,
		Status: v1.Status{Version: potluck.Version, PID: os.Getpid(), Home: cfg.Home, Started: time.Now(), Offline: cfg.Offline, Encryption: cfg.Encryption.String(), Key: n.Key()},
	})}
	l, err := socket.Listen(a.ctx, a.disk, rand.Reader, cfg.Home, name)
	if err != nil {
		return nil, errors.Join(diskError("cannot open the socket in "+cfg.Home, err), own.close())
	}
	own.server.Unix(l)
	c, err := client.Dial(a.ctx, a.disk, cfg.Home, name)
	if err != nil {
		return nil, errors.Join(err, own.close())
	}
	return &session{Client: c, cfg: cfg, own: own}, nil
}

// closePatience is how long requests under way may take when the node ends.
const closePatience = 2 * time.Second

// close ends a node. The socket goes first: a command that comes now waits for the lock instead of speaking to a node that
// ends.
func (o *ownNode) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closePatience)
	defer cancel()
	o.server.Close(ctx)
	return o.node.Close()
}

// listenAt is where the user wants peers to be accepted; nothing if they did not say.
func listenAt(cfg *config.Config) ([]netip.AddrPort, error) {
	s, err := cfg.Get("listen")
	if err != nil || s.Source == config.Default {
		return nil, err
	}
	ip, ok := cfg.Listen.IP()
	switch {
	case ok:
	case cfg.Listen.Host == "":
		ip = netip.IPv6Unspecified()
	case cfg.Listen.Host == "localhost":
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	default:
		return nil, usage("give an IP address of this computer", "cannot listen at the name %s", cfg.Listen.Host)
	}
	return []netip.AddrPort{netip.AddrPortFrom(ip, cfg.Listen.Port)}, nil
}

// interrupted is the end of a command that was not done.
func interrupted(format string, args ...any) error {
	return &potluck.Error{Code: potluck.CodeInterrupted, Message: "interrupted", Hint: fmt.Sprintf(format, args...), Exit: potluck.ExitInterrupted}
}
