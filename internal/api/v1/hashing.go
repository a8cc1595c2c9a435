package v1

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/sse"

	"github.com/potluck-p2p/potluck"
)

// The names of the messages of a share and of a verification.
const (
	MessageHashing = "hashing"
	MessageNote    = "note"
	MessageObject  = "object" // the end, if it went well
	MessageError   = "error"  // the end, if it did not
)

// hashingEvery is how often a client is told how far the hashing is.
const hashingEvery = 100 * time.Millisecond

type (
	shareInput  struct{ Body Share }
	verifyInput struct {
		ID     string `path:"id" minLength:"4" maxLength:"64"`
		Accept bool   `query:"accept" doc:"take what a share is now as its new version"`
	}
)

// registerHashing registers what takes as long as it takes to read the content. A client that leaves ends it.
func (s *Server) registerHashing(api huma.API) {
	messages := map[string]any{MessageHashing: Hashing{}, MessageNote: Note{}, MessageObject: Object{}, MessageError: Problem{}}
	share := operation("share", http.MethodPost, "/shares", "Adopt a file or folder where it lies, and serve it")
	sse.Register(api, share, messages, func(ctx context.Context, in *shareInput, send sse.Sender) {
		t := &teller{send: send}
		t.end(s.cfg.Node.Share(ctx, in.Body.request(t)))
	})
	verify := operation("verify", http.MethodPost, "/objects/{id}/verify", "Read it and see whether it is still what it was")
	sse.Register(api, verify, messages, func(ctx context.Context, in *verifyInput, send sse.Sender) {
		t := &teller{send: send}
		o, err := s.cfg.Node.Object(in.ID)
		if err == nil && in.Accept {
			t.end(s.cfg.Node.Accept(ctx, o.ID, t.hashing))
			return
		}
		if err == nil {
			err = s.cfg.Node.Verify(ctx, o.ID, t.hashing)
		}
		if err == nil {
			o, err = s.cfg.Node.Object(o.ID)
		}
		t.end(o, err)
	})
}

func (b Share) request(t *teller) potluck.ShareRequest {
	return potluck.ShareRequest{Path: b.Path, Feed: b.Feed, SuperSeed: b.SuperSeed, TorrentOptions: potluck.TorrentOptions{
		Name: b.Name, Format: b.Format, PieceLength: b.PieceLength, Private: b.Private, Trackers: b.Trackers,
		WebSeeds: b.WebSeeds, Comment: b.Comment, Progress: t.hashing, Note: t.note,
	}}
}

// teller sends messages to one client from whatever goroutine they come.
type teller struct {
	mu   sync.Mutex
	send sse.Sender
	last time.Time // of the last message about hashing
}

func (t *teller) hashing(done, total int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if done < total && now.Sub(t.last) < hashingEvery {
		return
	}
	t.last = now
	// A client that has gone ends the share by its context.
	_ = t.send.Data(Hashing{Done: done, Total: total})
}

// end tells how it ended.
func (t *teller) end(o potluck.Object, err error) {
	if err != nil {
		t.tell(problemOf(err))
		return
	}
	t.tell(objectOf(o))
}

func (t *teller) note(path, why string) { t.tell(Note{Path: path, Why: why}) }

func (t *teller) tell(message any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_ = t.send.Data(message)
}
