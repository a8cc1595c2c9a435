package main

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/netip"

	"github.com/potluck-p2p/potluck"
	"github.com/potluck-p2p/potluck/internal/api/client"
	"github.com/potluck-p2p/potluck/internal/api/socket"
	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
	"github.com/potluck-p2p/potluck/internal/config"
)

type upCmd struct{}

// Run is the node until interrupted.
func (*upCmd) Run(a *app) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	if err := apiAllowed(cfg); err != nil {
		return err
	}
	s, err := a.whenFree(func() (*session, error) {
		if c, err := client.Dial(a.ctx, a.disk, cfg.Home, socket.API); err == nil {
			defer c.Close()
			return nil, alreadyRunning(a, c, cfg.Home)
		}
		return a.start(cfg, whole, slog.LevelWarn)
	})
	if err != nil {
		return a.unlessEnding(err)
	}
	err = a.unlessEnding(a.serve(cfg, s))
	if closeErr := s.close(); err == nil {
		err = closeErr
	}
	return err
}

// unlessEnding is err, but nothing if the user wants the node to end: what was cut short by that has not failed.
func (a *app) unlessEnding(err error) error {
	if a.ctx.Err() != nil {
		return nil
	}
	return err
}

// alreadyRunning names the node that has the home.
func alreadyRunning(a *app, c *client.Client, home string) error {
	st, err := c.Status(a.ctx)
	if err != nil {
		return err
	}
	return &potluck.Error{
		Code: "running", Message: fmt.Sprintf("a potluck is running already with the home %s (process %d)", home, st.PID),
		Hint: "end it with potluck down, or choose another --home", Exit: potluck.ExitFailed,
	}
}

// serve opens the API over TCP, says that all is ready, and waits.
func (a *app) serve(cfg *config.Config, s *session) error {
	if err := a.openTCP(cfg, s.own.server); err != nil {
		return err
	}
	st, err := s.Status(a.ctx)
	if err != nil {
		return err
	}
	if a.out.json {
		a.out.emit(statusLine{"status", st})
	} else {
		a.out.say("%s", statusText(st, a.out.verbose))
		a.out.say("Running until interrupted (Ctrl-C, or potluck down).")
	}
	<-a.ctx.Done()
	return nil
}

// apiAllowed refuses to open the API to other machines: the token would pass through their hands, and there is no other
// authentication.
func apiAllowed(cfg *config.Config) error {
	if cfg.API.IsLoopback() {
		return nil
	}
	return usage("use 127.0.0.1, and a tunnel (as by ssh -L) to reach it from elsewhere", "the API at %v would be open to other machines", cfg.API)
}

// openTCP opens the API where the user wants it. The usual port gives way to a free one if another program has it.
func (a *app) openTCP(cfg *config.Config, server *v1.Server) error {
	token, err := v1.Token(a.disk, cfg.Home, rand.Reader)
	if err != nil {
		return diskError("cannot keep the token of the API", err)
	}
	ip, ok := cfg.API.IP()
	if !ok {
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1}) // localhost
	}
	at := netip.AddrPortFrom(ip, cfg.API.Port)
	_, err = server.ListenTCP(a.ctx, at, token)
	if setting, _ := cfg.Get("api"); err != nil && setting.Source == config.Default {
		a.out.say("Another program listens at %v, so the API takes a free port.", at)
		_, err = server.ListenTCP(a.ctx, netip.AddrPortFrom(ip, 0), token)
	}
	if err != nil {
		return &potluck.Error{
			Code: "cannot-listen", Message: err.Error(), Hint: "choose another address with --api 127.0.0.1:PORT, or end the program that has it",
			Exit: potluck.ExitFailed, Err: err,
		}
	}
	return nil
}
