package v1

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/sse"
)

// Ready is the comment that begins a stream of events: what happens from then on is in it.
const Ready = "ready"

func (s *Server) registerEvents(api huma.API) {
	op := operation("events", http.MethodGet, "/events", "What happens, from now on")
	sse.Register(api, op, map[string]any{"message": Event{}}, func(ctx context.Context, _ *struct{}, send sse.Sender) {
		news := s.cfg.Node.Events(ctx)
		if send.Comment(Ready) != nil {
			return
		}
		for e := range news {
			if send.Data(Event{Kind: string(e.Kind), Object: objectOf(e.Object), Text: e.Text}) != nil {
				return
			}
		}
	})
}
