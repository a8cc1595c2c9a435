package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/potluck-p2p/potluck"
	"github.com/potluck-p2p/potluck/cmd/potluck/ending"
	"github.com/potluck-p2p/potluck/cmd/potluck/lines"
	"github.com/potluck-p2p/potluck/cmd/potluck/session"
	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
)

// torrentFlags are what share and create have in common.
type torrentFlags struct {
	Format  string   `enum:"hybrid,v1,v2" default:"hybrid" help:"hybrid, v1 or v2."`
	Private bool     `help:"Peers come from the named trackers alone (BEP 27). This is not encryption."`
	Tracker []string `placeholder:"URL" sep:"none" help:"Announce to this tracker."`
	WebSeed []string `placeholder:"URL" sep:"none" help:"A web server that has the files."`
}

type shareCmd struct {
	Path      []string `arg:"" help:"Files and folders; each becomes an object of its own."`
	Name      string   `placeholder:"N" help:"Another name than the file's or folder's own."`
	Public    bool     `xor:"reach" help:"Let every network know of it, not only who has the link."`
	Feed      string   `placeholder:"NAME" help:"Publish it as a feed: one link for whatever lies there at any time (BEP 46)."`
	SuperSeed bool     `help:"Give each peer another part, as long as nobody else has all of it (BEP 16)."`
	Torrent   string   `placeholder:"FILE" help:"Write the .torrent file too."`
	QR        bool     `name:"qr" help:"Show the link as a QR code."`
	torrentFlags
}

func (c *shareCmd) check(cfg func() (offline bool, err error)) error {
	switch {
	case len(c.Path) > 1 && c.Name != "":
		return ending.Usage("share them one by one, or leave --name out", "--name gives one name to %d objects", len(c.Path))
	case len(c.Path) > 1 && c.Torrent != "":
		return ending.Usage("share them one by one, or leave --torrent out", "--torrent writes one file for %d objects", len(c.Path))
	case len(c.Path) > 1 && c.Feed != "":
		return ending.Usage("publish them one by one", "--feed gives one name to %d objects", len(c.Path))
	case c.Feed != "" && c.Private:
		return ending.Usage("leave one of them out", "--feed and --private exclude each other: a feed is found in the DHT")
	case c.Public && c.Private:
		return ending.Usage("leave one of them out", "--public and --private are opposites")
	}
	if !c.Private || len(c.Tracker) > 0 {
		return nil
	}
	offline, err := cfg()
	if err == nil && !offline {
		err = ending.Usage("name one with --tracker URL", "nobody finds a private share without a tracker")
	}
	return err
}

// Run shares, prints the links, and serves until interrupted if no other node does.
func (c *shareCmd) Run(a *app) error {
	err := c.check(func() (bool, error) {
		cfg, err := a.config()
		return err == nil && cfg.Offline, err
	})
	if err != nil {
		return err
	}
	if c.Torrent != "" {
		if err := a.mayWrite(c.Torrent, c.Path[0]); err != nil {
			return err
		}
	}
	s, err := a.nodes.Node(a.ctx, session.Whole)
	if err != nil {
		return err
	}
	watch := &reaches{a, make(map[string]string)}
	count, err := c.shareAll(a, s, watch)
	if err == nil && s.Own != nil && count.OK > 0 {
		a.out.Say("Sharing until interrupted (Ctrl-C).")
		watch.follow(s)
	}
	if closeErr := s.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = count.Exit()
	}
	return err
}

// shareAll shares one path after the other. Its error ends the command; that a path could not be shared is counted.
func (c *shareCmd) shareAll(a *app, s *session.Session, watch *reaches) (ending.Tally, error) {
	var count ending.Tally
	for _, path := range c.Path {
		o, err := c.shareOne(a, s, path)
		if a.ctx.Err() != nil {
			return count, ending.Interrupted("run the same command again: nothing was changed")
		}
		if err != nil {
			count.Failed(a.out.Report(err).Exit)
			continue
		}
		count.OK++
		c.print(a, o)
		watch.shared[o.ID] = ""
	}
	return count, nil
}

func (c *shareCmd) shareOne(a *app, s *session.Session, path string) (v1.Object, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return v1.Object{}, ending.Disk("cannot tell where "+path+" is", err)
	}
	p := a.out.Progress()
	o, err := s.Share(a.ctx, v1.Share{
		Path: abs, Feed: c.Feed, SuperSeed: c.SuperSeed, Name: c.Name, Format: c.Format, Private: c.Private, Trackers: c.Tracker, WebSeeds: c.WebSeed,
	}, func(h v1.Hashing) { p.Hashing(path, path, h.Done, h.Total) }, func(n v1.Note) { a.out.Skipped(n.Path, n.Why) })
	p.End()
	if err == nil {
		err = s.Bound(a.ctx, o.ID)
	}
	if err != nil || c.Torrent == "" {
		return o, err
	}
	return o, a.saveTorrent(a.ctx, s, o.ID, c.Torrent)
}

func (c *shareCmd) print(a *app, o v1.Object) {
	if a.out.JSON {
		a.out.Emit(lines.SharedOf(o))
	} else {
		a.out.Result(o.Link)
	}
	if c.Private {
		a.out.Say("Private: only the named trackers tell of it. It is not encrypted.")
	}
	if c.Feed != "" {
		a.out.Say("A feed: the link stays the same, and new versions are published while potluck runs.")
		if cfg, err := a.config(); err == nil && cfg.Offline {
			a.out.Say("It is published as soon as potluck runs without --offline.")
		}
	}
	if c.Public {
		a.out.Say("Public: this version speaks BitTorrent only, where whoever has the link can find it.")
	}
	if c.QR {
		a.out.QR(o.Link)
	}
}

// saveTorrent writes the .torrent file of an object.
func (a *app) saveTorrent(ctx context.Context, s *session.Session, id, name string) error {
	b, err := s.Torrent(ctx, id)
	if err != nil {
		return err
	}
	return a.save(name, b)
}

// mayWrite refuses to write a .torrent file over anything but another one, which is not what is shared.
func (a *app) mayWrite(name, shared string) error {
	there, err := a.disk.Stat(name)
	if err != nil || !there.Mode.IsRegular() || there.Size == 0 {
		return nil // writing tells what is wrong
	}
	b, err := potluck.ReadTorrent(name)
	if err == nil {
		_, err = potluck.ParseTorrent(b)
	}
	source, sourceErr := a.disk.Stat(shared)
	if err == nil && (sourceErr != nil || !there.Same(source)) {
		return nil
	}
	return ending.Usage("choose another name for the .torrent file", "%s exists, and is not an older .torrent file of this", name)
}

// save writes a file that the user named, over what was there.
func (a *app) save(name string, b []byte) error {
	f, err := a.disk.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return ending.Disk("cannot write "+name, err)
	}
	_, err = f.WriteAt(b, 0)
	if err == nil {
		err = f.Datasync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return ending.Disk("cannot write "+name, err)
	}
	return nil
}
