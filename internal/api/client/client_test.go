package client_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net/netip"
	"testing"

	"go.uber.org/goleak"

	"github.com/potluck-p2p/potluck"
	"github.com/potluck-p2p/potluck/internal/api/client"
	"github.com/potluck-p2p/potluck/internal/api/socket"
	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeNode is a node of which only this is used.
type fakeNode struct {
	v1.Node
	events  chan potluck.Event
	sharing chan struct{} // closed when a share without end is under way
}

func (f *fakeNode) Listen() []netip.AddrPort  { return nil }
func (f *fakeNode) External() []netip.Addr    { return nil }
func (f *fakeNode) DHT() potluck.DHT          { return potluck.DHT{} }
func (f *fakeNode) Objects() []potluck.Object { return nil }

func (f *fakeNode) Object(id string) (potluck.Object, error) {
	return potluck.Object{}, &potluck.Error{Code: potluck.CodeNotFound, Message: "no " + id, Hint: "look", Exit: potluck.ExitFailed}
}

func (f *fakeNode) Examine() potluck.Checkup {
	return potluck.Checkup{Reach: "blocked", Findings: []potluck.Finding{{Subject: "IPv4", Level: "bad", What: "closed"}}}
}

func (f *fakeNode) Limits() potluck.Limits { return potluck.Limits{} }

func (f *fakeNode) Network() []potluck.Network { return nil }

func (f *fakeNode) Routers() []potluck.Router { return nil }

func (f *fakeNode) Blocking() (potluck.Blocking, bool) { return potluck.Blocking{}, false }

func (f *fakeNode) Share(ctx context.Context, req potluck.ShareRequest) (potluck.Object, error) {
	switch req.Path {
	case "/endless":
		close(f.sharing)
		<-ctx.Done()
		return potluck.Object{}, ctx.Err()
	case "/unreadable":
		return potluck.Object{}, &potluck.Error{Code: "permission", Message: "not yours", Exit: potluck.ExitDisk}
	case "/panic":
		panic("a bug")
	}
	req.Note("x", "a pipe")
	req.Progress(7, 7)
	return potluck.Object{ID: "12345678", Size: 7, ETA: -1, BytesWanted: -1}, nil
}

func (f *fakeNode) Events(ctx context.Context) iter.Seq[potluck.Event] {
	return func(yield func(potluck.Event) bool) {
		for {
			select {
			case <-ctx.Done():
				return
			case e, ok := <-f.events:
				if !ok || !yield(e) {
					return
				}
			}
		}
	}
}

// dial starts a server of a fake and speaks to it.
func dial(t *testing.T) (*client.Client, *fakeNode, *v1.Server) {
	t.Helper()
	f := &fakeNode{events: make(chan potluck.Event, 4), sharing: make(chan struct{})}
	s := v1.New(v1.Config{Node: f, Shutdown: func() {}, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	home := t.TempDir()
	l, err := socket.Listen(t.Context(), vfs.OS(), rand.Reader, home, socket.API)
	if err != nil {
		t.Fatal(err)
	}
	s.Unix(l)
	t.Cleanup(func() { s.Close(context.Background()) })
	c, err := client.Dial(t.Context(), vfs.OS(), home, socket.API)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, f, s
}

func wantError(t *testing.T, err error, code string, exit int) {
	t.Helper()
	var e *potluck.Error
	if !errors.As(err, &e) || e.Code != code || e.Exit != exit {
		t.Errorf("got %#v, want %s with %d", err, code, exit)
	}
}

func TestErrorsComeThrough(t *testing.T) {
	c, _, _ := dial(t)
	_, err := c.Object(t.Context(), "ab/../cd")
	wantError(t, err, potluck.CodeNotFound, potluck.ExitFailed)
	if e := potluck.AsError(err); e.Message != "no ab/../cd" || e.Hint != "look" {
		t.Errorf("got %+v", e)
	}
}

func TestShare(t *testing.T) {
	c, _, _ := dial(t)
	var last v1.Hashing
	var notes []v1.Note
	o, err := c.Share(t.Context(), v1.Share{Path: "/a"}, func(h v1.Hashing) { last = h }, func(n v1.Note) { notes = append(notes, n) })
	if err != nil || o.ID != "12345678" || *o.Size != 7 || last != (v1.Hashing{Done: 7, Total: 7}) || len(notes) != 1 || notes[0].Why != "a pipe" {
		t.Errorf("got %+v, %v; %v, %v", o, err, last, notes)
	}
	_, err = c.Share(t.Context(), v1.Share{Path: "/unreadable"}, nil, nil)
	wantError(t, err, "permission", potluck.ExitDisk)
}

// Promise 4.8: a panic does not take the node down.
func TestPanicIsContained(t *testing.T) {
	c, _, _ := dial(t)
	_, err := c.Share(t.Context(), v1.Share{Path: "/panic"}, nil, nil)
	wantError(t, err, potluck.CodeNoNode, potluck.ExitNoNode)
	if _, err := c.Status(t.Context()); err != nil {
		t.Errorf("the node is down: %v", err)
	}
}

// A client that goes away ends what it asked for.
func TestShareEndsWithItsClient(t *testing.T) {
	c, f, _ := dial(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-f.sharing
		cancel()
	}()
	_, err := c.Share(ctx, v1.Share{Path: "/endless"}, nil, nil)
	wantError(t, err, potluck.CodeInterrupted, potluck.ExitInterrupted)
}

func TestEvents(t *testing.T) {
	c, f, s := dial(t)
	news, err := c.Events(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f.events <- potluck.Event{Kind: potluck.EventDone, Object: potluck.Object{ID: "12345678", Name: "two\nlines"}}
	f.events <- potluck.Event{Kind: potluck.EventAccused, Text: "192.0.2.1:1"}
	var seen []v1.Event
	var last error
	for e, err := range news {
		if err != nil {
			last = err
			break
		}
		if seen = append(seen, e); len(seen) == 2 {
			go s.Close(context.Background())
		}
	}
	if len(seen) != 2 || seen[0].Kind != "done" || seen[0].Object.Name != "two\nlines" || seen[1].Text != "192.0.2.1:1" {
		t.Errorf("got %+v", seen)
	}
	wantError(t, last, potluck.CodeNoNode, potluck.ExitNoNode)
}

func TestEventsLeftEarly(t *testing.T) {
	c, f, _ := dial(t)
	news, err := c.Events(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f.events <- potluck.Event{Kind: potluck.EventState}
	for range news {
		break // goleak sees what stays behind
	}
}

func TestNoNode(t *testing.T) {
	_, err := client.Dial(t.Context(), vfs.OS(), t.TempDir(), socket.API)
	wantError(t, err, potluck.CodeNoNode, potluck.ExitNoNode)
}

func TestExamine(t *testing.T) {
	c, _, _ := dial(t)
	u, err := c.Examine(t.Context())
	if err != nil || u.Reach != "blocked" || len(u.Findings) != 1 || u.Findings[0].What != "closed" {
		t.Errorf("got %+v, %v", u, err)
	}
}
