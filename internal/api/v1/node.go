package v1

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/potluck-p2p/potluck"
)

type (
	statusOutput  struct{ Body Status }
	checkupOutput struct{ Body Checkup }
)

func (s *Server) registerNode(api huma.API) {
	huma.Register(api, operation("status", http.MethodGet, "/status", "How the node is"),
		func(context.Context, *struct{}) (*statusOutput, error) {
			return &statusOutput{s.status()}, nil
		})
	huma.Register(api, operation("examine", http.MethodGet, "/doctor", "What of the node others can reach, what not, and why"),
		func(context.Context, *struct{}) (*checkupOutput, error) {
			return &checkupOutput{checkupOf(s.cfg.Node.Examine())}, nil
		})
	op := operation("shutdown", http.MethodPost, "/shutdown", "End the node")
	op.DefaultStatus = http.StatusAccepted
	huma.Register(api, op, func(context.Context, *struct{}) (*struct{}, error) {
		s.cfg.Log.Info("a client asked the node to end")
		s.cfg.Shutdown()
		return nil, nil
	})
}

func (s *Server) status() Status {
	st := s.cfg.Status
	s.mu.Lock()
	st.API = s.address
	s.mu.Unlock()
	st.Listen = texts(s.cfg.Node.Listen())
	st.External = texts(s.cfg.Node.External())
	for _, n := range s.cfg.Node.Network() {
		st.Network = append(st.Network, Network(n))
	}
	st.Routers = routersOf(s.cfg.Node.Routers())
	st.DHT = dhtOf(s.cfg.Node.DHT())
	st.Limits = limitsOf(s.cfg.Node.Limits())
	st.Blocking = blockingOf(s.cfg.Node.Blocking())
	st.Objects = map[string]int{}
	for _, o := range s.cfg.Node.Objects() {
		st.Objects[stateName(o)]++
		st.Peers += o.Peers
		st.DownRate += o.DownRate
		st.UpRate += o.UpRate
	}
	return st
}

// operation describes an operation whose errors are Problems.
func operation(id, method, path, summary string) huma.Operation {
	return huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary,
		Responses: map[string]*huma.Response{
			"default": {
				Description: "What went wrong",
				Content:     map[string]*huma.MediaType{problemType: {Schema: &huma.Schema{Ref: "#/components/schemas/Problem"}}},
			},
		},
	}
}

// queued is what an object counts as that is paused only until it is its turn.
const queued = "queued"

// stateName is the state that an object is counted under.
func stateName(o potluck.Object) string {
	if o.Queued {
		return queued
	}
	return string(o.State)
}
