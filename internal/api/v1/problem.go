package v1

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/potluck-p2p/potluck"
)

// Problem is an error as JSON: RFC 9457 problem details with the fields of [potluck.Error], of which the message is the
// detail.
type Problem struct {
	Title  string `json:"title" doc:"the HTTP status in words"`
	Status int    `json:"status"`
	Detail string `json:"detail" doc:"what happened and why"`
	Code   string `json:"code" doc:"for programs, such as disk-full"`
	Hint   string `json:"hint,omitzero" doc:"what to do next"`
	Exit   int    `json:"exit" doc:"with what the command line exits for this"`
}

// problemType is the media type of a Problem.
const problemType = "application/problem+json"

// Error is the detail.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is the media type.
func (p *Problem) ContentType(string) string { return problemType }

// problemOf is any error as a Problem.
func problemOf(err error) *Problem {
	e := potluck.AsError(err)
	status := statusOf(e)
	return &Problem{Title: http.StatusText(status), Status: status, Detail: e.Message, Code: e.Code, Hint: e.Hint, Exit: e.Exit}
}

// statusOf is the HTTP status that comes closest to an error.
func statusOf(e *potluck.Error) int {
	switch {
	case e.Code == potluck.CodeNotFound:
		return http.StatusNotFound
	case e.Code == potluck.CodeAmbiguous:
		return http.StatusConflict
	case e.Code == potluck.CodeDiskFull:
		return http.StatusInsufficientStorage
	case e.Exit == potluck.ExitUsage:
		return http.StatusBadRequest
	case e.Exit == potluck.ExitVerify, e.Exit == potluck.ExitDisk:
		return http.StatusConflict
	case e.Exit == potluck.ExitNobody, e.Exit == potluck.ExitBlocked:
		return http.StatusBadGateway
	case e.Exit == potluck.ExitInterrupted:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// asProblem gives the errors that huma finds by itself, in requests that break the schema, the form of ours.
func asProblem(_ huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := &Problem{Title: m.Title, Status: m.Status, Detail: m.Detail, Code: potluck.CodeUsage, Exit: potluck.ExitUsage}
	if m.Status >= http.StatusInternalServerError {
		p.Code, p.Exit = potluck.CodeFailed, potluck.ExitFailed
	}
	var why []string
	for _, d := range m.Errors {
		if d == nil {
			continue
		}
		if d.Location == "path.id" {
			p.Detail, p.Hint = "an id is 8 hexadecimal digits, of which the first 4 or more will do, or an info-hash", "potluck ls shows the ids"
			return p, nil
		}
		// The value is left out: it may be a secret.
		why = append(why, strings.TrimSpace(d.Location+" "+d.Message))
	}
	if len(why) > 0 {
		p.Detail += ": " + strings.Join(why, "; ")
	}
	return p, nil
}

// refuse answers a request that does not get as far as an operation.
func refuse(w http.ResponseWriter, status int, code, detail, hint string) {
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(status)
	// The client has gone if this fails.
	_ = json.NewEncoder(w).Encode(&Problem{
		Title: http.StatusText(status), Status: status, Detail: detail, Code: code, Hint: hint, Exit: potluck.ExitFailed,
	})
}
