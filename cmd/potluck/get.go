package main

import (
	"context"
	"path/filepath"
	"time"

	"github.com/potluck-p2p/potluck"
	"github.com/potluck-p2p/potluck/cmd/potluck/ending"
	"github.com/potluck-p2p/potluck/cmd/potluck/lines"
	"github.com/potluck-p2p/potluck/cmd/potluck/output"
	"github.com/potluck-p2p/potluck/cmd/potluck/session"
	"github.com/potluck-p2p/potluck/cmd/potluck/words"
	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
)

type getCmd struct {
	Link       []string      `arg:"" help:"Magnet links, .torrent files or URLs of them, info-hashes."`
	Output     string        `short:"o" placeholder:"DIR" help:"Where to put it."`
	Select     []string      `placeholder:"GLOB" sep:"none" help:"Fetch only files whose path matches: * stops at a slash, ** does not."`
	Peer       []string      `placeholder:"[KEY@]HOST:PORT" sep:"none" help:"Ask this peer; with a key, nobody but the node that has it."`
	Wait       time.Duration `default:"10m" help:"How long to look for somebody who has it; 0 is for ever."`
	Seed       bool          `help:"Go on sharing it until interrupted."`
	Follow     bool          `help:"The link is a feed's: keep to its newest version until interrupted; a running node does it for good."`
	Sequential bool          `help:"Fetch from the beginning to the end."`
	Detach     bool          `help:"Leave it to the running node."`
}

// Run fetches, and waits until all is there.
func (c *getCmd) Run(a *app) error {
	if c.Wait < 0 {
		return ending.Usage("write it as 90s, 10m or 2h", "--wait %v is in the past", c.Wait)
	}
	for _, text := range c.Link {
		if err := potluck.CheckLink(text); err != nil {
			return err
		}
	}
	begin := func(ctx context.Context) (*session.Session, error) { return a.nodes.Node(ctx, session.Whole) }
	if c.Detach {
		begin = a.nodes.Running
	}
	s, err := begin(a.ctx)
	if err != nil {
		return err
	}
	err = c.run(a, s)
	if closeErr := s.Close(); err == nil {
		err = closeErr
	}
	return err
}

func (c *getCmd) run(a *app, s *session.Session) error {
	f := &fetch{app: a, cmd: c, began: time.Now(), waiting: make(map[string]bool), followed: make(map[string]int64)}
	// The events come first, so that nothing happens unseen.
	ctx, cancel := context.WithCancel(a.ctx)
	defer cancel()
	news, err := s.Events(ctx)
	if err != nil {
		return err
	}
	f.progress = a.out.Progress()
	err = f.follow(s, news)
	f.progress.End()
	if a.ctx.Err() != nil && len(f.waiting) == 0 && c.Follow {
		err = nil // it was to end like this
	}
	if a.ctx.Err() != nil && len(f.waiting) > 0 {
		return f.interrupted(s)
	}
	if err == nil && c.Seed && !c.Follow && s.Own != nil && f.count.OK > 0 {
		a.out.Say("Sharing until interrupted (Ctrl-C).")
		<-a.ctx.Done()
	}
	if err == nil {
		err = f.count.Exit()
	}
	return err
}

// fetch is what became of the links so far.
type fetch struct {
	*app
	cmd      *getCmd
	began    time.Time
	progress *output.Progress
	waiting  map[string]bool  // objects that are not over, by id
	followed map[string]int64 // the sequences at which feeds were last done, by id
	count    ending.Tally
}

// follow hands the links to the node and waits until each is done or has failed.
func (f *fetch) follow(s *session.Session, news func(func(v1.Event, error) bool)) error {
	for _, text := range f.cmd.Link {
		o, err := f.accept(s, text)
		switch {
		case f.ctx.Err() != nil:
			f.waiting[text] = true
			return f.ctx.Err()
		case err != nil:
			f.count.Failed(f.out.Report(err).Exit)
		case f.cmd.Detach:
			f.count.OK++
			f.detached(o)
		default:
			f.waiting[o.ID] = true
			f.see(o)
		}
	}
	if len(f.waiting) == 0 && !f.stays(s) {
		return nil
	}
	if err := f.sayClosed(s); err != nil {
		return err
	}
	for e, err := range news {
		if err != nil {
			return err
		}
		switch {
		case f.sayNetwork(e):
		case f.waiting[e.Object.ID]:
			f.happened(e)
		case f.cmd.Follow:
			f.nextVersion(e)
		}
		if len(f.waiting) == 0 && !f.stays(s) {
			return nil
		}
	}
	return nil
}

// accept hands one link to the node.
func (f *fetch) accept(s *session.Session, text string) (v1.Object, error) {
	c := f.cmd
	g := v1.Get{Link: text, Select: c.Select, Peers: c.Peer, Sequential: c.Sequential, Follow: c.Follow, Wait: c.Wait.Seconds()}
	if path, ok := potluck.TorrentPath(text); ok {
		// The node may see other folders than we do.
		b, err := potluck.ReadTorrent(path)
		if err != nil {
			return v1.Object{}, err
		}
		g.Link, g.Torrent = "", b
	}
	if c.Output != "" {
		dir, err := filepath.Abs(c.Output)
		if err != nil {
			return v1.Object{}, ending.Disk("cannot tell where "+c.Output+" is", err)
		}
		g.Dir = dir
	}
	if potluck.IsFeed(text) {
		f.out.Say("Looking the feed up.")
	}
	o, err := s.Get(f.ctx, g)
	if err == nil {
		err = s.Bound(f.ctx, o.ID)
	}
	return o, err
}

func (f *fetch) detached(o v1.Object) {
	if f.out.JSON {
		f.out.Emit(lines.ObjectOf(o))
		return
	}
	f.out.Result(o.ID)
}

func (f *fetch) happened(e v1.Event) {
	if e.Kind == string(potluck.EventAccused) {
		f.out.Say("%s, which was thrown away.", potluck.Printable(e.Text))
		return
	}
	if e.Kind == string(potluck.EventRemoved) {
		f.over(e.Object.ID)
		f.count.Failed(f.out.Report(&potluck.Error{
			Code: potluck.CodeNotFound, Message: words.NameOf(e.Object) + " was removed by another command", Exit: potluck.ExitFailed,
		}).Exit)
		return
	}
	f.see(e.Object)
}

// see looks whether an object is over, and shows how far it is.
func (f *fetch) see(o v1.Object) {
	switch potluck.State(o.State) {
	case potluck.Failed, potluck.Missing, potluck.Changed:
		f.over(o.ID)
		f.count.Failed(f.out.Report(troubleOf(o)).Exit)
	case potluck.Seeding, potluck.Paused:
		// Done says that every byte is on the disk; that all are there is not enough.
		if o.Done != nil {
			f.over(o.ID)
			f.done(o)
			return
		}
		f.progress.Object(o)
	default:
		f.progress.Object(o)
	}
}

func (f *fetch) over(id string) {
	delete(f.waiting, id)
	f.progress.Over(id)
}

// stays reports whether the command goes on when all is done: it follows feeds, and the node ends with it.
func (f *fetch) stays(s *session.Session) bool {
	return f.cmd.Follow && s.Own != nil && len(f.followed) > 0
}

// nextVersion takes news of an object that has been done before.
func (f *fetch) nextVersion(e v1.Event) {
	o := e.Object
	was, ok := f.followed[o.ID]
	switch {
	case !ok || o.Feed == nil || o.Feed.Sequence <= was:
	case e.Kind == string(potluck.EventDone):
		f.progress.Over(o.ID)
		f.done(o)
	case o.Done == nil:
		f.progress.Object(o)
	}
}

func (f *fetch) done(o v1.Object) {
	if o.Feed != nil {
		f.followed[o.ID] = o.Feed.Sequence
	}
	f.count.OK++
	seconds := time.Since(f.began).Seconds()
	if f.out.JSON {
		line := lines.Done{Type: "done", ID: o.ID, Path: o.Path, Bytes: o.BytesDone, Seconds: seconds}
		if o.Feed != nil {
			line.Sequence = o.Feed.Sequence
		}
		f.out.Emit(line)
		return
	}
	f.out.Result(o.Path)
	f.out.Say("Done in %s, verified: %s, %s", words.Clock(seconds), potluck.Printable(words.NameOf(o)), words.Size(o.BytesDone))
}

// troubleOf is why an object is not well.
func troubleOf(o v1.Object) error {
	if o.Error == nil {
		return &potluck.Error{Code: potluck.CodeFailed, Message: words.NameOf(o) + " is " + o.State, Exit: potluck.ExitFailed}
	}
	return &potluck.Error{Code: o.Error.Code, Message: words.NameOf(o) + ": " + o.Error.Message, Hint: o.Error.Hint, Exit: o.Error.Exit}
}

func (f *fetch) interrupted(s *session.Session) error {
	if s.Own != nil {
		return ending.Interrupted("run the same command again to go on: what is there is kept")
	}
	return ending.Interrupted("the running node goes on fetching; potluck ls shows it, potluck pause ID stops it")
}
