package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/urls"
)

// silence is how long a server may give no byte.
const silence = 10 * time.Second

// Faults of a server.
var (
	errSilent   = errors.New("it gave nothing for too long")
	errShort    = errors.New("it gave too little")
	errLong     = errors.New("it gave too much")
	errWrong    = errors.New("it gave wrong bytes (bad data)")
	errNoRanges = errors.New("it gives files only as a whole")
)

// absentError says that a server does not have a file as it should be. Others of its files may be right.
type absentError struct {
	file int
	why  string
}

func (e *absentError) Error() string { return e.why }

// watch ends a request to a server that falls silent.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

func newWatch(ctx context.Context) *watch {
	w := &watch{}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(silence, func() { w.cancel(errSilent) })
	return w
}

func (w *watch) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// why is the fault behind an error.
func (w *watch) why(err error) error {
	if cause := context.Cause(w.ctx); errors.Is(cause, errSilent) {
		return cause
	}
	return err
}

// answer is the body of one request, to be read to its end.
type answer struct {
	*watch
	body io.ReadCloser
	file int
	left int64 // bytes of what was asked for
	// limits hold for the payload.
	limits netx.Chain
}

// get asks for a range of a file. errNoRanges says that the server has more to give than that, and gives all of it.
func (c *caller) get(ctx context.Context, run content.Extent) (*answer, error) {
	return c.ask(ctx, run, fmt.Sprintf("bytes=%d-%d", run.Offset, run.End()-1))
}

// getWhole asks for a file from its first byte to its last.
func (c *caller) getWhole(ctx context.Context, file int) (*answer, error) {
	return c.ask(ctx, content.Extent{File: file, Length: c.o.Info.Files[file].Size}, "")
}

// ask asks for a run of a file, by a Range if there is one, and otherwise for all of it.
func (c *caller) ask(ctx context.Context, run content.Extent, byRange string) (_ *answer, err error) {
	url, ok := c.at.of(run.File)
	if !ok {
		return nil, &absentError{run.File, "its name is no part of a URL"}
	}
	a := &answer{watch: newWatch(ctx), file: run.File, left: run.Length}
	defer func() {
		if err != nil {
			err = a.why(err)
			a.close()
		}
	}()
	size := c.o.Info.Files[run.File].Size
	header := http.Header{"Accept-Encoding": {"identity"}}
	if byRange != "" {
		header.Set("Range", byRange)
	}
	resp, err := c.sh.client.Get(a.ctx, urls.Request{Guard: c.guard, URL: url, Header: header, MaxBody: run.Length + 1})
	if err != nil {
		return nil, err
	}
	a.body = resp.Body
	if c.sh.cfg.Unlimited == nil || !c.sh.cfg.Unlimited(resp.From.Addr()) {
		a.limits = c.o.Down
	}
	if e := resp.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return nil, fmt.Errorf("it gives files encoded")
	}
	switch status := resp.StatusCode; {
	case status == http.StatusPartialContent && byRange != "":
		if err := checkRange(resp.Header.Get("Content-Range"), run, size); err != nil {
			return nil, err
		}
		if n := resp.ContentLength; n >= 0 && n != run.Length {
			return nil, wrongLength(n, run.Length)
		}
		return a, nil
	case status == http.StatusOK:
		if n := resp.ContentLength; n >= 0 && n != size {
			return nil, &absentError{run.File, fmt.Sprintf("its file has %d bytes, not %d", n, size)}
		}
		// RFC 9110, 14.2: "A server MAY ignore the Range header field."
		if run.Length < size {
			return nil, errNoRanges
		}
		return a, nil
	case slices.Contains(absences, status):
		return nil, &absentError{run.File, "it answers " + resp.Status[:min(len(resp.Status), 3)]}
	}
	return nil, fmt.Errorf("it answers %d", resp.StatusCode)
}

// absences are the answers by which a server says that one file is not to be had.
var absences = []int{
	http.StatusNotFound, http.StatusGone, http.StatusForbidden, http.StatusUnauthorized, http.StatusRequestedRangeNotSatisfiable,
}

func wrongLength(got, want int64) error {
	if got < want {
		return errShort
	}
	return errLong
}

// checkRange holds a Content-Range to what was asked for: "bytes 0-499/1234", or "/*".
func checkRange(value string, run content.Extent, size int64) error {
	wrong := &absentError{run.File, "it gives another range than asked for"}
	unit, rest, ok := strings.Cut(strings.TrimSpace(value), " ")
	span, total, ok2 := strings.Cut(rest, "/")
	first, last, ok3 := strings.Cut(span, "-")
	if !ok || !ok2 || !ok3 || !strings.EqualFold(unit, "bytes") {
		return wrong
	}
	from, err := strconv.ParseInt(first, 10, 64)
	to, err2 := strconv.ParseInt(last, 10, 64)
	if err != nil || err2 != nil || from != run.Offset || to != run.End()-1 {
		return wrong
	}
	if total == "*" {
		return nil
	}
	if n, err := strconv.ParseInt(total, 10, 64); err != nil || n != size {
		return &absentError{run.File, "its file has another size"}
	}
	return nil
}

// fill reads len(p) bytes of the range.
func (a *answer) fill(p []byte) error {
	n, err := io.ReadFull(reading{a}, p)
	a.left -= int64(n)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = errShort
	}
	return a.why(err)
}

// reading is the body, watched.
type reading struct{ *answer }

func (r reading) Read(p []byte) (int, error) {
	n, err := r.body.Read(p)
	if n > 0 {
		r.timer.Reset(silence)
	}
	return n, err
}

// end checks that nothing follows what was asked for.
func (a *answer) end() error {
	var more [1]byte
	n, err := io.ReadFull(reading{a}, more[:])
	if n > 0 || errors.Is(err, urls.ErrTooLarge) {
		return errLong
	}
	return nil
}

func (a *answer) close() {
	if a.body != nil {
		a.body.Close()
	}
	a.stop()
}

// pause waits while our own limits want it; that is not the server's silence.
func (a *answer) pause(wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	a.timer.Stop()
	err := netx.Pause(a.ctx, wait)
	a.timer.Reset(silence)
	return err
}
