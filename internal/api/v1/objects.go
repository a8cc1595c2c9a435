package v1

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/potluck-p2p/potluck"
)

// maxGetBody bounds a request to get; a .torrent file in it takes a third more than on the disk.
const maxGetBody = 64 << 20

// getTimeout is how long such a body may take to arrive.
const getTimeout = time.Minute

type (
	idInput struct {
		ID string `path:"id" minLength:"4" maxLength:"64" doc:"an id, a prefix of it, or an info-hash"`
	}
	removeInput struct {
		ID          string `path:"id" minLength:"4" maxLength:"64"`
		DeleteFiles bool   `query:"delete_files" doc:"delete the files too; only of what was fetched"`
	}
	moveInput struct {
		ID   string `path:"id" minLength:"4" maxLength:"64"`
		Body Move
	}
	limitInput struct {
		ID   string `path:"id" minLength:"4" maxLength:"64"`
		Body Limit
	}
	prioritiesInput struct {
		ID   string `path:"id" minLength:"4" maxLength:"64"`
		Body Priorities
	}
	getInput struct{ Body Get }

	objectOutput  struct{ Body Object }
	objectsOutput struct{ Body []Object }
	filesOutput   struct{ Body []File }
	peersOutput   struct{ Body []Peer }
	infoOutput    struct{ Body Info }
	torrentOutput struct {
		ContentType string `header:"Content-Type"`
		Body        []byte
	}
)

func (s *Server) registerObjects(api huma.API) {
	n := s.cfg.Node
	huma.Register(api, operation("list", http.MethodGet, "/objects", "All objects"),
		func(context.Context, *struct{}) (*objectsOutput, error) {
			list := []Object{}
			for _, o := range n.Objects() {
				list = append(list, objectOf(o))
			}
			return &objectsOutput{list}, nil
		})

	get := operation("get", http.MethodPost, "/objects", "Fetch a link")
	get.DefaultStatus, get.MaxBodyBytes, get.BodyReadTimeout = http.StatusAccepted, maxGetBody, getTimeout
	huma.Register(api, get, func(ctx context.Context, in *getInput) (*objectOutput, error) {
		return objectReply(n.Get(ctx, in.Body.request()))
	})

	huma.Register(api, operation("object", http.MethodGet, "/objects/{id}", "One object"),
		func(_ context.Context, in *idInput) (*objectOutput, error) { return objectReply(n.Object(in.ID)) })
	huma.Register(api, operation("files", http.MethodGet, "/objects/{id}/files", "Its files"),
		func(_ context.Context, in *idInput) (*filesOutput, error) {
			list, err := n.Files(in.ID)
			if err != nil {
				return nil, problemOf(err)
			}
			return &filesOutput{filesOf(list)}, nil
		})
	huma.Register(api, operation("peers", http.MethodGet, "/objects/{id}/peers", "Who it is exchanged with"),
		func(_ context.Context, in *idInput) (*peersOutput, error) { return peersReply(n.Peers(in.ID)) })
	huma.Register(api, operation("all-peers", http.MethodGet, "/peers", "Everybody anything is exchanged with"),
		func(context.Context, *struct{}) (*peersOutput, error) { return peersReply(n.Peers("")) })
	huma.Register(api, operation("info", http.MethodGet, "/objects/{id}/info", "What its torrent says"),
		func(_ context.Context, in *idInput) (*infoOutput, error) {
			t, err := n.Info(in.ID)
			if err != nil {
				return nil, problemOf(err)
			}
			return &infoOutput{InfoOf(t)}, nil
		})
	huma.Register(api, operation("torrent", http.MethodGet, "/objects/{id}/torrent", "Its .torrent file"),
		func(_ context.Context, in *idInput) (*torrentOutput, error) {
			b, err := n.Torrent(in.ID)
			if err != nil {
				return nil, problemOf(err)
			}
			return &torrentOutput{"application/x-bittorrent", b}, nil
		})

	s.registerChange(api, "pause", "Stop exchanging it", n.Pause)
	s.registerChange(api, "resume", "Go on exchanging it", n.Resume)
	huma.Register(api, operation("limit", http.MethodPost, "/objects/{id}/limit", "Limit its rates"),
		func(_ context.Context, in *limitInput) (*objectOutput, error) {
			return s.changed(in.ID, n.Limit(in.ID, orStay(in.Body.Up), orStay(in.Body.Down)))
		})
	huma.Register(api, operation("priorities", http.MethodPost, "/objects/{id}/priorities", "Fetch some files before or after others"),
		func(_ context.Context, in *prioritiesInput) (*objectOutput, error) {
			priorities := make(map[int]string)
			for _, f := range in.Body.Files {
				priorities[f.Index] = f.Priority
			}
			return s.changed(in.ID, n.SetPriorities(in.ID, priorities))
		})
	huma.Register(api, operation("move", http.MethodPost, "/objects/{id}/move", "Move its files to another folder"),
		func(ctx context.Context, in *moveInput) (*objectOutput, error) {
			return s.changed(in.ID, n.Move(ctx, in.ID, in.Body.Dir))
		})
	huma.Register(api, operation("remove", http.MethodDelete, "/objects/{id}", "Forget it"),
		func(ctx context.Context, in *removeInput) (*struct{}, error) {
			if err := n.Remove(ctx, in.ID, in.DeleteFiles); err != nil {
				return nil, problemOf(err)
			}
			return nil, nil
		})
}

// orStay is a limit as the node takes it: a negative one leaves what there is.
func orStay(limit *int64) int64 {
	if limit == nil {
		return -1
	}
	return *limit
}

// registerChange registers an operation that changes an object and answers with what it is then.
func (s *Server) registerChange(api huma.API, verb, summary string, change func(id string) error) {
	huma.Register(api, operation(verb, http.MethodPost, "/objects/{id}/"+verb, summary),
		func(_ context.Context, in *idInput) (*objectOutput, error) {
			return s.changed(in.ID, change(in.ID))
		})
}

func (s *Server) changed(id string, err error) (*objectOutput, error) {
	if err != nil {
		return nil, problemOf(err)
	}
	return objectReply(s.cfg.Node.Object(id))
}

func peersReply(list []potluck.Peer, err error) (*peersOutput, error) {
	if err != nil {
		return nil, problemOf(err)
	}
	return &peersOutput{peersOf(list)}, nil
}

func objectReply(o potluck.Object, err error) (*objectOutput, error) {
	if err != nil {
		return nil, problemOf(err)
	}
	return &objectOutput{objectOf(o)}, nil
}

func (g Get) request() potluck.GetRequest {
	return potluck.GetRequest{
		Link: g.Link, Torrent: g.Torrent, Dir: g.Dir, Select: g.Select, Peers: g.Peers, Trackers: g.Trackers,
		Sequential: g.Sequential, Follow: g.Follow, Wait: time.Duration(g.Wait * float64(time.Second)),
	}
}
