package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/potluck-p2p/potluck"
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
	if a.out.json {
		l := infoOf(i)
		l.Reach = reach
		a.out.emit(l)
		return nil
	}
	rows := infoTable(i)
	if reach != nil {
		rows = append(rows, []string{"DHT", reachText(reach) + crowdText(reach) + checkedText(reach)})
	}
	a.out.table(rows)
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
	s, err := a.state()
	if err != nil {
		return v1.Info{}, nil, err
	}
	defer s.close()
	o, err := s.Object(a.ctx, c.What)
	if err != nil {
		return v1.Info{}, nil, err
	}
	i, err := s.Info(a.ctx, o.ID)
	return i, o.Reach, err
}

func isHex(s string) bool { return strings.Trim(strings.ToLower(s), "0123456789abcdef") == "" }

// infoTable is what is known, a name and a value per row.
func infoTable(i v1.Info) [][]string {
	var rows [][]string
	add := func(name, value string) {
		if value != "" {
			rows = append(rows, []string{name, value})
		}
	}
	add("Name", printable(i.Name))
	add("Info-hash v1", i.InfoHashV1)
	add("Info-hash v2", i.InfoHashV2)
	if i.Size != nil {
		add("Size", fmt.Sprintf("%s (%d bytes)", size(*i.Size), *i.Size))
	}
	if i.PieceLength > 0 {
		add("Piece size", pieceText(i.PieceLength))
	}
	if i.Private {
		add("Private", "yes")
	}
	for n, tier := range i.Trackers {
		add(fmt.Sprintf("Tracker %d", n+1), printable(strings.Join(tier, " ")))
	}
	for _, u := range i.WebSeeds {
		add("Web seed", printable(u))
	}
	if i.Feed != nil {
		add("Feed", feedText(i.Feed)+", version "+strconv.FormatInt(i.Feed.Sequence, 10))
	}
	add("Comment", printable(i.Comment))
	add("Link", printable(i.Link))
	for _, f := range i.Files {
		add("File", size(f.Size)+"  "+printable(f.Path))
	}
	return rows
}
