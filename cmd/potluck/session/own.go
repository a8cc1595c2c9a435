package session

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
	"github.com/potluck-p2p/potluck/cmd/potluck/ending"
	"github.com/potluck-p2p/potluck/internal/api/client"
	"github.com/potluck-p2p/potluck/internal/api/socket"
	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
	"github.com/potluck-p2p/potluck/internal/config"
)

// Own is a node in this process, with its API.
type Own struct {
	Server *v1.Server
	node   *potluck.Node
}

// Alone starts a node in this process, which others speak to. That one has the home already is an error.
func (o *Opener) Alone(ctx context.Context) (*Session, error) {
	cfg, err := o.Config()
	if err != nil {
		return nil, err
	}
	return whenFree(ctx, func() (*Session, error) {
		if c, err := client.Dial(ctx, o.Disk, cfg.Home, socket.API); err == nil {
			defer c.Close()
			return nil, alreadyRunning(ctx, c, cfg.Home)
		}
		return o.start(ctx, cfg, Whole, slog.LevelWarn)
	})
}

// alreadyRunning names the node that has the home.
func alreadyRunning(ctx context.Context, c *client.Client, home string) error {
	st, err := c.Status(ctx)
	if err != nil {
		return err
	}
	return &potluck.Error{
		Code: "running", Message: fmt.Sprintf("a potluck is running already with the home %s (process %d)", home, st.PID),
		Hint: "end it with potluck down, or choose another --home", Exit: potluck.ExitFailed,
	}
}

// start starts a node in this process and speaks to it.
func (o *Opener) start(ctx context.Context, cfg *config.Config, k Kind, level slog.Level) (*Session, error) {
	listen, err := listenAt(cfg)
	if err != nil {
		return nil, err
	}
	if k == Whole && cfg.Anonymous && cfg.Bind == "" && cfg.Proxy.Host == "" {
		o.Out.Say("Anonymous, but whoever is spoken to sees the address of this computer: net.proxy or net.bind hide it.")
	}
	log := o.Out.Logger(level)
	n, err := potluck.Open(ctx, potluck.Options{
		Bind: cfg.Bind, NameServers: cfg.NameServers, Proxy: cfg.Proxy.URL(), Anonymous: cfg.Anonymous,
		Home: cfg.Home, DownloadDir: cfg.DownloadDir, Listen: listen, Offline: cfg.Offline, NoNetwork: k == StateOnly,
		Schedule: cfg.Schedule, LimitLAN: cfg.LimitLAN, BlockLists: cfg.BlockLists, SuperSeeding: cfg.SuperSeeding,
		Up: int64(cfg.Up), Down: int64(cfg.Down), Slots: cfg.Slots, MaxPeers: cfg.MaxPeers, Encryption: cfg.Encryption.String(),
		NoPortMapping: !cfg.PortMapping, NoLargeRequests: !cfg.LargeRequests,
		NoUTP: !cfg.UTP, NoHolePunching: !cfg.HolePunching, NoDHT: !cfg.DHT, DHTRouters: cfg.DHTRouters,
		Ratio: cfg.Ratio, SeedTime: cfg.SeedTime, FeedPoll: cfg.FeedPoll, ActiveFetches: cfg.ActiveFetches, ActiveSeeds: cfg.ActiveSeeds, Log: log,
	})
	if err != nil {
		return nil, err
	}
	name := socket.API
	if k == StateOnly {
		name = socket.Private
	}
	own := &Own{node: n, Server: v1.New(v1.Config{
		Node: n, Log: log, Shutdown: o.End,
		Status: v1.Status{Version: potluck.Version, PID: os.Getpid(), Home: cfg.Home, Started: time.Now(), Offline: cfg.Offline, Encryption: cfg.Encryption.String(), Key: n.Key()},
	})}
	l, err := socket.Listen(ctx, o.Disk, rand.Reader, cfg.Home, name)
	if err != nil {
		return nil, errors.Join(ending.Disk("cannot open the socket in "+cfg.Home, err), own.close())
	}
	own.Server.Unix(l)
	c, err := client.Dial(ctx, o.Disk, cfg.Home, name)
	if err != nil {
		return nil, errors.Join(err, own.close())
	}
	return &Session{Client: c, Config: cfg, Own: own, flags: o.Flags}, nil
}

// closePatience is how long requests under way may take when the node ends.
const closePatience = 2 * time.Second

// close ends a node. The socket goes first: a command that comes now waits for the lock instead of speaking to a node that
// ends.
func (o *Own) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closePatience)
	defer cancel()
	o.Server.Close(ctx)
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
		return nil, ending.Usage("give an IP address of this computer", "cannot listen at the name %s", cfg.Listen.Host)
	}
	return []netip.AddrPort{netip.AddrPortFrom(ip, cfg.Listen.Port)}, nil
}
