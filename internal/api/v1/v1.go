// Package v1 is potluck's own HTTP API, JSON below /api/v1, described by itself at /api/v1/openapi.json:
//
//	GET    /status                how the node is
//	GET    /doctor                what of the node others can reach, what not, and why
//	POST   /shutdown              end the node
//	GET    /objects               all objects
//	POST   /objects               get: fetch a link
//	GET    /peers                 everybody anything is exchanged with
//	POST   /shares                share: adopt a file or folder; a stream of hashing and note, then object or error
//	GET    /objects/{id}          one object; {id} is an id, a prefix of four or more of its digits, or an info-hash
//	DELETE /objects/{id}          forget it, with ?delete_files=true its files too
//	GET    /objects/{id}/files    /peers, /info (what its torrent says), /torrent (the .torrent file)
//	POST   /objects/{id}/pause    /resume, /move, /limit, /priorities
//	POST   /objects/{id}/verify   read it again, with ?accept=true to take what a share is now; a stream of hashing, then object or error
//	GET    /events                what happens, as Server-Sent Events, from when the comment "ready" has come
//
// Errors are RFC 9457 problem details, see [Problem]. A request with a field that is not known here is refused.
//
// The API is reached by the unix socket in the home, which only the user may open, and, if asked for, by TCP at a loopback
// address with a token. Both refuse what a web page of somebody else could send; see guard.
package v1

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/potluck-p2p/potluck"
	"github.com/potluck-p2p/potluck/internal/netx"
)

// Prefix is before the path of every operation.
const Prefix = "/api/v1"

// Node is what the API needs of a node; a *[potluck.Node] is one.
type Node interface {
	Share(ctx context.Context, req potluck.ShareRequest) (potluck.Object, error)
	Get(ctx context.Context, req potluck.GetRequest) (potluck.Object, error)
	Objects() []potluck.Object
	Object(id string) (potluck.Object, error)
	Files(id string) ([]potluck.File, error)
	Peers(id string) ([]potluck.Peer, error)
	Info(id string) (potluck.Torrent, error)
	Torrent(id string) ([]byte, error)
	Pause(id string) error
	Resume(id string) error
	Limit(id string, up, down int64) error
	SetPriorities(id string, priorities map[int]string) error
	Verify(ctx context.Context, id string, progress func(done, total int64)) error
	Accept(ctx context.Context, id string, progress func(done, total int64)) (potluck.Object, error)
	Move(ctx context.Context, id, dir string) error
	Remove(ctx context.Context, id string, deleteFiles bool) error
	Events(ctx context.Context) iter.Seq[potluck.Event]
	Listen() []netip.AddrPort
	External() []netip.Addr
	DHT() potluck.DHT
	Limits() potluck.Limits
	Blocking() (potluck.Blocking, bool)
	Examine() potluck.Checkup
	Routers() []potluck.Router
	Network() []potluck.Network
}

// Config is what a server is made of.
type Config struct {
	Node     Node
	Status   Status // what does not change: version, process, home, when it started, whether it is offline
	Shutdown func() // called once a client has asked the node to end
	Log      *slog.Logger
}

// Server serves the API until it is closed.
type Server struct {
	cfg  Config
	mux  *http.ServeMux
	life context.Context
	end  context.CancelFunc

	mu      sync.Mutex
	http    []*http.Server
	address string // over TCP
	running sync.WaitGroup
}

// New makes a server that listens nowhere yet.
func New(cfg Config) *Server {
	s := &Server{cfg: cfg, mux: http.NewServeMux()}
	s.life, s.end = context.WithCancel(context.Background())
	config := huma.DefaultConfig("potluck", "1")
	// The pages that would show the description load scripts from elsewhere, and schemas are in the description.
	config.DocsPath, config.SchemasPath, config.CreateHooks = "", "", nil
	config.Transformers = []huma.Transformer{asProblem}
	config.RejectUnknownQueryParameters = true
	api := humago.NewWithPrefix(s.mux, Prefix, config)
	s.registerNode(api)
	s.registerObjects(api)
	s.registerHashing(api)
	s.registerEvents(api)
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, "no-such-operation", "there is nothing at this method and path", "see "+Prefix+"/openapi.json")
	})
	return s
}

const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 64 << 10
)

// Unix serves clients of a unix socket, which only the user may open, so they need no token.
func (s *Server) Unix(l net.Listener) { s.serve(l, "", "") }

// ListenTCP serves clients that know the token at a loopback address, and returns the address with its real port.
func (s *Server) ListenTCP(ctx context.Context, at netip.AddrPort, token string) (netip.AddrPort, error) {
	// Other machines would see the token pass by, so it protects nothing there.
	if !at.Addr().IsLoopback() || token == "" {
		return netip.AddrPort{}, fmt.Errorf("the API does not listen at %v: it is not for other machines", at)
	}
	l, err := netx.System(netx.Options{}).ListenTCP(ctx, at)
	if err != nil {
		return netip.AddrPort{}, err
	}
	bound := netx.AddrPort(l.Addr())
	s.mu.Lock()
	s.address = bound.String()
	s.mu.Unlock()
	s.serve(l, token, strconv.Itoa(int(bound.Port())))
	return bound, nil
}

func (s *Server) serve(l net.Listener, token, port string) {
	srv := &http.Server{
		Handler:           &guard{token: token, port: port, next: s.mux},
		BaseContext:       func(net.Listener) context.Context { return s.life },
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelWarn),
	}
	s.mu.Lock()
	s.http = append(s.http, srv)
	s.mu.Unlock()
	s.running.Go(func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.cfg.Log.Error("the API has stopped", "address", l.Addr().String(), "err", err)
		}
	})
}

// Close ends all streams and what else takes long, lets other requests finish while the context lasts, and then closes every
// connection.
func (s *Server) Close(ctx context.Context) {
	s.end()
	s.mu.Lock()
	servers := s.http
	s.mu.Unlock()
	for _, srv := range servers {
		if srv.Shutdown(ctx) != nil {
			// Whoever is still there has had their time.
			_ = srv.Close()
		}
	}
	s.running.Wait()
}
