package v1

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/potluck-p2p/potluck"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errNotFound = &potluck.Error{Code: potluck.CodeNotFound, Message: "no such object", Hint: "potluck ls", Exit: potluck.ExitFailed}

// fakeNode has one object, and remembers what was asked of it.
type fakeNode struct {
	object  potluck.Object
	dht     potluck.DHT
	calls   []string
	get     potluck.GetRequest
	share   potluck.ShareRequest
	err     error // of everything that can fail
	started chan struct{}
}

func newFake() *fakeNode {
	return &fakeNode{started: make(chan struct{}, 1), object: potluck.Object{
		ID: "0badcafe", Name: "talk\u202emkv", Kind: potluck.Fetched, State: potluck.Fetching, Size: 1000, BytesDone: 10,
		BytesWanted: -1, ETA: -1, Link: "magnet:?xt=urn:btih:00&dn=a", Added: time.Unix(1e9, 0).UTC(),
		Trackers: []potluck.Tracker{{URL: "http://t/announce", Seeders: -1, Leechers: 3}},
		Err:      &potluck.Error{Code: "disk-full", Message: "no room", Hint: "make some", Exit: 7},
		Reach: &potluck.Reach{
			Found: true, As: netip.MustParseAddrPort("192.0.2.9:7"), Took: 2500 * time.Millisecond, Nodes: 40, Seeders: 3, Leechers: -1, Checked: time.Unix(1e9, 0).UTC(),
		},
	}, dht: potluck.DHT{
		Nodes: []potluck.DHTNode{
			{Family: "ipv4", ID: "ab", External: netip.MustParseAddr("192.0.2.9"), State: "joined", Known: 9, Good: 7, Network: -1, ReadOnly: true, Standing: "unreached", StandingAt: time.Unix(1e9, 0).UTC(), Strangers: 2},
			{Family: "ipv6", ID: "cd", State: "alone", Network: 5, Standing: "unknown"},
		},
		Hashes: 1, Peers: 2, Items: 3, Refused: map[string]int64{"bad token": 4}, Unreached: &potluck.Error{Message: "nobody comes", Hint: "open the port"},
	}}
}

func (f *fakeNode) did(call string) error {
	f.calls = append(f.calls, call)
	return f.err
}

func (f *fakeNode) find(id string) error {
	if f.err == nil && !strings.HasPrefix(f.object.ID, id) {
		return errNotFound
	}
	return f.err
}

func (f *fakeNode) Share(ctx context.Context, req potluck.ShareRequest) (potluck.Object, error) {
	f.share = req
	req.Note("a/link", "a symbolic link")
	req.Progress(500, 1000)
	req.Progress(1000, 1000)
	if req.Path == "/endless" {
		f.started <- struct{}{}
		<-ctx.Done()
		return potluck.Object{}, ctx.Err()
	}
	return f.object, f.did("share")
}

func (f *fakeNode) Get(_ context.Context, req potluck.GetRequest) (potluck.Object, error) {
	f.get = req
	return f.object, f.did("get")
}

func (f *fakeNode) Objects() []potluck.Object { return []potluck.Object{f.object} }

func (f *fakeNode) Object(id string) (potluck.Object, error) { return f.object, f.find(id) }

func (f *fakeNode) Files(id string) ([]potluck.File, error) {
	return []potluck.File{{Path: "a/b", Size: 3, BytesDone: 1, Priority: "normal"}}, f.find(id)
}

func (f *fakeNode) Peers(id string) ([]potluck.Peer, error) {
	return []potluck.Peer{{Address: "192.0.2.1:1", Network: "bittorrent", Direct: true, Have: 0.5}}, f.find(id)
}

func (f *fakeNode) Info(id string) (potluck.Torrent, error) {
	return potluck.Torrent{Name: "n", Size: 3, Files: []potluck.TorrentFile{{Path: "n", Size: 3}}}, f.find(id)
}

func (f *fakeNode) Torrent(id string) ([]byte, error) { return []byte("d4:infodee"), f.find(id) }

func (f *fakeNode) Pause(id string) error  { return f.did("pause " + id) }
func (f *fakeNode) Resume(id string) error { return f.did("resume " + id) }

func (f *fakeNode) Limit(id string, up, down int64) error {
	return f.did(fmt.Sprintf("limit %s %d %d", id, up, down))
}

func (f *fakeNode) SetPriorities(id string, priorities map[int]string) error {
	return f.did(fmt.Sprintf("priorities %s %v", id, priorities))
}

func (f *fakeNode) Verify(_ context.Context, id string, progress func(done, total int64)) error {
	progress(1, 1)
	return f.did("verify " + id)
}

func (f *fakeNode) Accept(_ context.Context, id string, progress func(done, total int64)) (potluck.Object, error) {
	progress(1, 1)
	return f.object, f.did("accept " + id)
}

func (f *fakeNode) Move(_ context.Context, id, dir string) error {
	return f.did("move " + id + " " + dir)
}

func (f *fakeNode) Remove(_ context.Context, id string, deleteFiles bool) error {
	call := "remove " + id
	if deleteFiles {
		call += " and files"
	}
	return f.did(call)
}

func (f *fakeNode) Events(ctx context.Context) iter.Seq[potluck.Event] {
	return func(yield func(potluck.Event) bool) {
		if yield(potluck.Event{Kind: potluck.EventState, Object: f.object}) {
			yield(potluck.Event{Kind: potluck.EventAccused, Object: f.object, Text: "192.0.2.9:1"})
		}
	}
}

func (f *fakeNode) External() []netip.Addr { return []netip.Addr{netip.MustParseAddr("192.0.2.9")} }

func (f *fakeNode) DHT() potluck.DHT { return f.dht }

func (f *fakeNode) Examine() potluck.Checkup {
	return potluck.Checkup{Reach: "blocked", Findings: []potluck.Finding{{Subject: "IPv4", Level: "bad", What: "closed", Why: "a router", Advice: "open it"}}}
}

func (f *fakeNode) Limits() potluck.Limits {
	return potluck.Limits{Up: 5, Until: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
}

func (f *fakeNode) Blocking() (potluck.Blocking, bool) {
	return potluck.Blocking{Ranges: 2, Dials: 3, Lists: []potluck.BlockList{{Path: "/list", Ranges: 4, Unreadable: 1, Err: errors.New("gone")}}}, true
}

func (f *fakeNode) Network() []potluck.Network {
	return []potluck.Network{{Via: "wg0", Problem: "is down"}}
}

func (f *fakeNode) Routers() []potluck.Router {
	return []potluck.Router{{Address: netip.MustParseAddr("192.168.1.1"), Source: netip.MustParseAddr("192.168.1.9"), Why: "it does not"}}
}

func (f *fakeNode) Listen() []netip.AddrPort {
	return []netip.AddrPort{netip.MustParseAddrPort("[::1]:9")}
}

// serverOf makes a server of a fake.
func serverOf(t *testing.T, f *fakeNode) *Server {
	t.Helper()
	s := New(Config{Node: f, Status: Status{Version: "9", Home: "/h"}, Shutdown: func() { f.calls = append(f.calls, "shutdown") },
		Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	t.Cleanup(func() { s.Close(context.Background()) })
	return s
}

// ask sends a request as a client of the unix socket would.
func (s *Server) ask(method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, Prefix+path, strings.NewReader(body))
	r.Host = "localhost"
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w := recorder{httptest.NewRecorder()}
	(&guard{next: s.mux}).ServeHTTP(w, r)
	return w.ResponseRecorder
}

// recorder takes deadlines, as the connections of a server do.
type recorder struct{ *httptest.ResponseRecorder }

func (recorder) SetWriteDeadline(time.Time) error { return nil }
