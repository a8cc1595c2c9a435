// Package session is how a command gets to a node: the one that is running or, with none, one in this process (own). A command does
// not know which, but for what ends with it.
package session

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/potluck-p2p/potluck"
	"github.com/potluck-p2p/potluck/cmd/potluck/ending"
	"github.com/potluck-p2p/potluck/cmd/potluck/output"
	"github.com/potluck-p2p/potluck/internal/api/client"
	"github.com/potluck-p2p/potluck/internal/api/socket"
	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
	"github.com/potluck-p2p/potluck/internal/config"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

// Session is a conversation with a node. Close it when done.
type Session struct {
	*client.Client
	Config *config.Config
	// Own is the node if it is one of this process, which ends with the session; nil if it is another process.
	Own *Own

	flags config.Layer
}

// Close ends the conversation, and the node if it is our own.
func (s *Session) Close() error {
	s.Client.Close()
	if s.Own == nil {
		return nil
	}
	return s.Own.close()
}

// Bound makes --up and --down hold for one object, if the node is another process; our own has them for everything.
func (s *Session) Bound(ctx context.Context, id string) error {
	var l v1.Limit
	for key, at := range map[string]**int64{"up": &l.Up, "down": &l.Down} {
		text, ok := s.flags[key]
		if s.Own != nil || !ok {
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
	_, err := s.Limit(ctx, id, l)
	return err
}

// Kind is what sort of node a command starts in its own process when none is running.
type Kind uint8

// The kinds.
const (
	Whole     Kind = iota + 1 // answers at the home's socket like any other
	StateOnly                 // reads and changes the state, without network; nobody else is answered
)

// Opener opens sessions for a command.
type Opener struct {
	Disk   vfs.FS
	Out    *output.Output
	Flags  config.Layer // what the user said for this command alone
	Config func() (*config.Config, error)
	End    func() // ends the command, as if the user did
}

// Running speaks to the node that is running.
func (o *Opener) Running(ctx context.Context) (*Session, error) {
	cfg, err := o.Config()
	if err != nil {
		return nil, err
	}
	c, err := client.Dial(ctx, o.Disk, cfg.Home, socket.API)
	if err != nil {
		return nil, err
	}
	return o.with(ctx, cfg, c)
}

// with speaks to a node that was running before the command.
func (o *Opener) with(ctx context.Context, cfg *config.Config, c *client.Client) (*Session, error) {
	if err := o.insist(ctx, c); err != nil {
		c.Close()
		return nil, err
	}
	return &Session{Client: c, Config: cfg, flags: o.Flags}, nil
}

// strictest is the policy of encryption that no other asks more than.
const strictest = "authenticated"

// insist refuses a running node that encrypts less than --require-encryption wants: it is not told by a flag, and what is done
// with it could not be undone.
func (o *Opener) insist(ctx context.Context, c *client.Client) error {
	wanted, ok := o.Flags["encryption"]
	if !ok {
		return nil
	}
	st, err := c.Status(ctx)
	if err != nil {
		return err
	}
	if st.Encryption == wanted || st.Encryption == strictest {
		return nil
	}
	return ending.Usage("end it with potluck down, or set it by potluck config set encryption "+wanted+" and start it again",
		"a potluck is running already, with encryption = %s", potluck.Printable(st.Encryption))
}

// Node speaks to the node that is running or, if there is none, starts one in this process.
func (o *Opener) Node(ctx context.Context, k Kind) (*Session, error) {
	cfg, err := o.Config()
	if err != nil {
		return nil, err
	}
	return whenFree(ctx, func() (*Session, error) {
		if c, err := client.Dial(ctx, o.Disk, cfg.Home, socket.API); err == nil {
			s, err := o.with(ctx, cfg, c)
			if err == nil {
				o.sayIgnored()
			}
			return s, err
		}
		return o.start(ctx, cfg, k, slog.LevelError)
	})
}

// sayIgnored tells the user which flags are for the node, and come too late for the one that is running.
func (o *Opener) sayIgnored() {
	for _, key := range []string{"listen", "api", "offline"} {
		if _, ok := o.Flags[key]; ok {
			o.Out.Say("A potluck is running already, so --%s changes nothing.", key)
		}
	}
}

// settlePatience is how long a command that only looks waits for a node of its own to see what is on the disk.
const settlePatience = 2 * time.Second

// State opens the state of the home, and gives a node of our own a moment to compare it with the disk.
func (o *Opener) State(ctx context.Context) (*Session, error) {
	s, err := o.Node(ctx, StateOnly)
	if err != nil || s.Own == nil {
		return s, err
	}
	if err := s.settle(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// settle waits for a moment until no object is being checked.
func (s *Session) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settlePatience)
	defer cancel()
	news, err := s.Events(ctx)
	if err != nil {
		return err
	}
	list, err := s.Objects(ctx)
	checking := make(map[string]bool)
	for _, o := range list {
		if o.State == string(potluck.Checking) {
			checking[o.ID] = true
		}
	}
	if err != nil || len(checking) == 0 {
		return nil
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
	return nil
}

const (
	// lockPatience is how long to wait for a node that is about to answer, or to end.
	lockPatience = 5 * time.Second
	lockRetry    = 50 * time.Millisecond
)

// whenFree tries for a while what fails while the home's lock is held by a node that does not answer: it is about to do so,
// or to end.
func whenFree(ctx context.Context, try func() (*Session, error)) (*Session, error) {
	retry := time.NewTicker(lockRetry)
	defer retry.Stop()
	for began := time.Now(); ; {
		s, err := try()
		if err == nil || potluck.AsError(err).Code != potluck.CodeLocked || time.Since(began) > lockPatience {
			return s, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-retry.C:
		}
	}
}
