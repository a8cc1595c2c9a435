package main

import (
	"crypto/rand"
	"net/netip"

	"github.com/potluck-p2p/potluck"
	"github.com/potluck-p2p/potluck/cmd/potluck/ending"
	"github.com/potluck-p2p/potluck/cmd/potluck/lines"
	"github.com/potluck-p2p/potluck/cmd/potluck/session"
	"github.com/potluck-p2p/potluck/cmd/potluck/words"
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
	s, err := a.nodes.Alone(a.ctx)
	if err != nil {
		return a.unlessEnding(err)
	}
	err = a.unlessEnding(a.serve(cfg, s))
	if closeErr := s.Close(); err == nil {
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

// serve opens the API over TCP, says that all is ready, and waits.
func (a *app) serve(cfg *config.Config, s *session.Session) error {
	if err := a.openTCP(cfg, s.Own.Server); err != nil {
		return err
	}
	st, err := s.Status(a.ctx)
	if err != nil {
		return err
	}
	if a.out.JSON {
		a.out.Emit(lines.Status{Type: "status", Status: st})
	} else {
		a.out.Say("%s", words.Status(st, a.out.Verbose))
		a.out.Say("Running until interrupted (Ctrl-C, or potluck down).")
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
	return ending.Usage("use 127.0.0.1, and a tunnel (as by ssh -L) to reach it from elsewhere", "the API at %v would be open to other machines", cfg.API)
}

// openTCP opens the API where the user wants it. The usual port gives way to a free one if another program has it.
func (a *app) openTCP(cfg *config.Config, server *v1.Server) error {
	token, err := v1.Token(a.disk, cfg.Home, rand.Reader)
	if err != nil {
		return ending.Disk("cannot keep the token of the API", err)
	}
	ip, ok := cfg.API.IP()
	if !ok {
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1}) // localhost
	}
	at := netip.AddrPortFrom(ip, cfg.API.Port)
	_, err = server.ListenTCP(a.ctx, at, token)
	if setting, _ := cfg.Get("api"); err != nil && setting.Source == config.Default {
		a.out.Say("Another program listens at %v, so the API takes a free port.", at)
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
