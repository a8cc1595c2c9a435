package client

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"

	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
)

// maxLine bounds a line of a stream.
const maxLine = 64 << 20

// Share has a file or folder shared. It tells of the hashing and of files that are left out, both of which may be nil.
func (c *Client) Share(ctx context.Context, s v1.Share, hashing func(v1.Hashing), note func(v1.Note)) (v1.Object, error) {
	return c.hash(ctx, "/shares", s, hashing, note)
}

// Verify has an object read again, and tells how far that is; hashing may be nil.
func (c *Client) Verify(ctx context.Context, id string, hashing func(v1.Hashing)) (v1.Object, error) {
	return c.hash(ctx, at(id, "/verify"), nil, hashing, nil)
}

// Accept has what lies at the place of a share now taken as its new version, and tells how far that is; hashing may be nil.
func (c *Client) Accept(ctx context.Context, id string, hashing func(v1.Hashing)) (v1.Object, error) {
	return c.hash(ctx, at(id, "/verify")+"?accept=true", nil, hashing, nil)
}

// hash asks for something that takes long, and follows it to its end.
func (c *Client) hash(ctx context.Context, path string, body any, hashing func(v1.Hashing), note func(v1.Note)) (o v1.Object, err error) {
	resp, err := c.send(ctx, http.MethodPost, path, body)
	if err != nil {
		return o, err
	}
	defer resp.Body.Close()
	for news := streamOf(resp.Body); ; {
		m, err := news.next()
		if err != nil {
			return o, broken(ctx, err)
		}
		switch m.event {
		case v1.MessageHashing:
			err = told(m.data, hashing)
		case v1.MessageNote:
			err = told(m.data, note)
		case v1.MessageObject:
			err = json.Unmarshal(m.data, &o)
			return o, err
		case v1.MessageError:
			var p v1.Problem
			if err = json.Unmarshal(m.data, &p); err == nil {
				err = errorOf(p)
			}
		}
		if err != nil {
			return o, err
		}
	}
}

func told[T any](data []byte, tell func(T)) error {
	var t T
	if err := json.Unmarshal(data, &t); err != nil {
		return err
	}
	if tell != nil {
		tell(t)
	}
	return nil
}

// Events follows what happens from the moment it returns. The sequence can be ranged over once; it ends with an error when
// the node ends or the context does. Who does not range over it ends the context.
func (c *Client) Events(ctx context.Context) (iter.Seq2[v1.Event, error], error) {
	resp, err := c.send(ctx, http.MethodGet, "/events", nil)
	if err != nil {
		return nil, err
	}
	news := streamOf(resp.Body)
	if m, err := news.next(); err != nil || m.comment != v1.Ready {
		_ = resp.Body.Close()
		return nil, broken(ctx, cmp.Or(err, errors.New("the stream of events begins with something else")))
	}
	return func(yield func(v1.Event, error) bool) {
		defer resp.Body.Close()
		for {
			m, err := news.next()
			var e v1.Event
			if err == nil {
				err = json.Unmarshal(m.data, &e)
			}
			if err != nil {
				yield(v1.Event{}, broken(ctx, err))
				return
			}
			if !yield(e, nil) {
				return
			}
		}
	}, nil
}

// message is a Server-Sent Event, or a comment between them.
type message struct {
	event   string
	comment string
	data    []byte
}

// stream reads Server-Sent Events.
type stream struct{ lines *bufio.Scanner }

func streamOf(r io.Reader) stream {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	return stream{lines}
}

// next reads a message; io.EOF if there is none any more.
func (s stream) next() (message, error) {
	var m message
	for s.lines.Scan() {
		field, value, _ := bytes.Cut(s.lines.Bytes(), []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch {
		case len(s.lines.Bytes()) == 0:
			if m.data != nil || m.comment != "" {
				return m, nil
			}
		case len(field) == 0:
			m.comment = string(value)
		case string(field) == "event":
			m.event = string(value)
		case string(field) == "data":
			if m.data != nil {
				m.data = append(m.data, '\n')
			}
			m.data = append(m.data, value...)
		}
	}
	return message{}, cmp.Or(s.lines.Err(), io.EOF)
}
