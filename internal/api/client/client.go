// Package client speaks to the API of a node through the unix socket in its home. The command line speaks to nodes in no
// other way, be they in another process or in its own.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/potluck-p2p/potluck"
	"github.com/potluck-p2p/potluck/internal/api/socket"
	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

// maxReply bounds an answer, but for streams.
const maxReply = 256 << 20

// Client speaks to one node. Close it when done.
type Client struct{ http *http.Client }

// Dial finds the node that answers at a socket of a home. If none does, the error has the code [potluck.CodeNoNode].
func Dial(ctx context.Context, disk vfs.FS, home string, name socket.Name) (*Client, error) {
	path, err := socket.Path(disk, home, name)
	if err != nil {
		return nil, noNode(home, err)
	}
	c := &Client{http: netx.UnixClient(path)}
	if _, err := c.Status(ctx); err != nil {
		c.Close()
		if ctx.Err() != nil {
			return nil, potluck.AsError(ctx.Err())
		}
		return nil, noNode(home, err)
	}
	return c, nil
}

func noNode(home string, err error) error {
	return &potluck.Error{
		Code: potluck.CodeNoNode, Message: "no potluck is running with the home " + home, Hint: "start one with: potluck up",
		Exit: potluck.ExitNoNode, Err: err,
	}
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Status is how the node is.
func (c *Client) Status(ctx context.Context) (s v1.Status, err error) {
	err = c.call(ctx, http.MethodGet, "/status", nil, &s)
	return s, err
}

// Examine asks what of the node others can reach, what not, and why.
func (c *Client) Examine(ctx context.Context) (u v1.Checkup, err error) {
	err = c.call(ctx, http.MethodGet, "/doctor", nil, &u)
	return u, err
}

// Shutdown asks the node to end.
func (c *Client) Shutdown(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "/shutdown", nil, nil)
}

// Objects lists all objects.
func (c *Client) Objects(ctx context.Context) (list []v1.Object, err error) {
	err = c.call(ctx, http.MethodGet, "/objects", nil, &list)
	return list, err
}

// Object finds an object by its id, a prefix of that, or an info-hash.
func (c *Client) Object(ctx context.Context, id string) (o v1.Object, err error) {
	err = c.call(ctx, http.MethodGet, at(id, ""), nil, &o)
	return o, err
}

// Files lists the files of an object.
func (c *Client) Files(ctx context.Context, id string) (list []v1.File, err error) {
	err = c.call(ctx, http.MethodGet, at(id, "/files"), nil, &list)
	return list, err
}

// Peers lists the peers of an object, or of all if id is empty.
func (c *Client) Peers(ctx context.Context, id string) (list []v1.Peer, err error) {
	path := "/peers"
	if id != "" {
		path = at(id, "/peers")
	}
	err = c.call(ctx, http.MethodGet, path, nil, &list)
	return list, err
}

// Info is what the torrent of an object says.
func (c *Client) Info(ctx context.Context, id string) (i v1.Info, err error) {
	err = c.call(ctx, http.MethodGet, at(id, "/info"), nil, &i)
	return i, err
}

// Torrent is the .torrent file of an object.
func (c *Client) Torrent(ctx context.Context, id string) ([]byte, error) {
	resp, err := c.send(ctx, http.MethodGet, at(id, "/torrent"), nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(io.LimitReader(resp.Body, maxReply))
}

// Get has a link fetched, and returns when the node has accepted it.
func (c *Client) Get(ctx context.Context, g v1.Get) (o v1.Object, err error) {
	err = c.call(ctx, http.MethodPost, "/objects", g, &o)
	return o, err
}

// Pause stops the exchange of an object.
func (c *Client) Pause(ctx context.Context, id string) (o v1.Object, err error) {
	err = c.call(ctx, http.MethodPost, at(id, "/pause"), nil, &o)
	return o, err
}

// Resume takes the exchange of an object up again.
func (c *Client) Resume(ctx context.Context, id string) (o v1.Object, err error) {
	err = c.call(ctx, http.MethodPost, at(id, "/resume"), nil, &o)
	return o, err
}

// Limit limits the rates of an object, in bytes per second; nil leaves a limit as it is.
func (c *Client) Limit(ctx context.Context, id string, l v1.Limit) (o v1.Object, err error) {
	err = c.call(ctx, http.MethodPost, at(id, "/limit"), l, &o)
	return o, err
}

// SetPriorities has some files of an object fetched before or after others.
func (c *Client) SetPriorities(ctx context.Context, id string, p v1.Priorities) (o v1.Object, err error) {
	err = c.call(ctx, http.MethodPost, at(id, "/priorities"), p, &o)
	return o, err
}

// Move moves the files of an object to another folder.
func (c *Client) Move(ctx context.Context, id, dir string) (o v1.Object, err error) {
	err = c.call(ctx, http.MethodPost, at(id, "/move"), v1.Move{Dir: dir}, &o)
	return o, err
}

// Remove makes the node forget an object, and delete its files if asked to.
func (c *Client) Remove(ctx context.Context, id string, deleteFiles bool) error {
	path := at(id, "")
	if deleteFiles {
		path += "?delete_files=true"
	}
	return c.call(ctx, http.MethodDelete, path, nil, nil)
}

func at(id, what string) string { return "/objects/" + url.PathEscape(id) + what }

// call sends a request with a body of JSON, if there is one, and reads an answer of JSON, if one is expected.
func (c *Client) call(ctx context.Context, method, path string, body, reply any) error {
	resp, err := c.send(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if reply == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxReply)).Decode(reply); err != nil {
		return broken(ctx, err)
	}
	return nil
}

// send sends a request and returns an answer that is no error.
func (c *Client) send(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://localhost"+v1.Prefix+path, r)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, broken(ctx, err)
	}
	if resp.StatusCode < http.StatusMultipleChoices {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, failure(resp)
}

// failure reads the Problem that a request was answered with.
func failure(resp *http.Response) error {
	var p v1.Problem
	err := json.NewDecoder(io.LimitReader(resp.Body, maxReply)).Decode(&p)
	if err != nil || p.Exit == 0 {
		return &potluck.Error{Code: potluck.CodeFailed, Message: "the node answered " + resp.Status, Exit: potluck.ExitFailed, Err: err}
	}
	return errorOf(p)
}

func errorOf(p v1.Problem) error {
	return &potluck.Error{Code: p.Code, Message: p.Detail, Hint: p.Hint, Exit: p.Exit}
}

// broken is the error of a conversation with the node that ended early.
func broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return potluck.AsError(ctx.Err())
	}
	var own *potluck.Error
	if errors.As(err, &own) {
		return own
	}
	return &potluck.Error{
		Code: potluck.CodeNoNode, Message: fmt.Sprintf("lost the node: %v", err), Hint: "it may have been ended; start one with: potluck up",
		Exit: potluck.ExitNoNode, Err: err,
	}
}
