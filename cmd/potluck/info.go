package main

import (
	"strings"

	"github.com/potluck-p2p/potluck"
	"github.com/potluck-p2p/potluck/cmd/potluck/lines"
	"github.com/potluck-p2p/potluck/cmd/potluck/words"
	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
)

type infoCmd struct {
	What string `arg:"" name:"id|file|link" help:"An id, a .torrent file, or a link."`
}

// Run shows what something is. Files and links need no node, and ids none that is running.
func (c *infoCmd) Run(a *app) error {
	i, reach, err := c.find(a)
	if err != nil {
		return err
	}
	if a.out.JSON {
		l := lines.InfoOf(i)
		l.Reach = reach
		a.out.Emit(l)
		return nil
	}
	rows := words.Info(i)
	if reach != nil {
		rows = append(rows, []string{"DHT", words.Reach(reach) + words.Crowd(reach) + words.Checked(reach)})
	}
	a.out.Table(rows)
	return nil
}

func (c *infoCmd) find(a *app) (v1.Info, *v1.Reach, error) {
	isHash := isHex(c.What) && (len(c.What) == 40 || len(c.What) == 64)
	isID := isHex(c.What) && len(c.What) >= 4 && len(c.What) <= 8
	if isHash || isID {
		i, reach, err := c.held(a)
		if err == nil || isID || potluck.AsError(err).Code != potluck.CodeNotFound {
			return i, reach, err
		}
	}
	cfg, err := a.config()
	if err != nil {
		return v1.Info{}, nil, err
	}
	t, err := potluck.Options{Bind: cfg.Bind, NameServers: cfg.NameServers, Proxy: cfg.Proxy.URL(), Anonymous: cfg.Anonymous}.Inspect(a.ctx, c.What)
	return v1.InfoOf(t), nil, err
}

// held asks for an object of the home, and whether others find it.
func (c *infoCmd) held(a *app) (v1.Info, *v1.Reach, error) {
	s, err := a.nodes.State(a.ctx)
	if err != nil {
		return v1.Info{}, nil, err
	}
	defer s.Close()
	o, err := s.Object(a.ctx, c.What)
	if err != nil {
		return v1.Info{}, nil, err
	}
	i, err := s.Info(a.ctx, o.ID)
	return i, o.Reach, err
}

func isHex(s string) bool { return strings.Trim(strings.ToLower(s), "0123456789abcdef") == "" }
