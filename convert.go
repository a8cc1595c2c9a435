package potluck

import (
	"errors"
	"fmt"

	"github.com/potluck-p2p/potluck/internal/create"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/node"
	"github.com/potluck-p2p/potluck/internal/node/home"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

// errorOf gives the errors of the node the public type. A nil error stays nil.
func errorOf(err error) error {
	var (
		e      *fault.Error
		locked *home.LockedError
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &locked):
		return &Error{Code: CodeLocked, Message: lockedBy(locked), Hint: "wait until it has ended, or choose another --home", Exit: ExitFailed, Err: err}
	case errors.As(err, &e):
		return publicError(e)
	}
	return AsError(err)
}

// lockedBy says who holds a home.
func lockedBy(err *home.LockedError) string {
	var by *vfs.LockedError
	if errors.As(err.Err, &by) && by.PID != 0 {
		return fmt.Sprintf("%s (process %d)", err.Error(), by.PID)
	}
	return err.Error()
}

func publicError(e *fault.Error) *Error {
	return &Error{Code: e.Code, Message: e.Message, Hint: e.Hint, Exit: e.Exit, Err: e.Err}
}

func objectOf(o node.Object) Object {
	p := Object{
		ID: o.ID, Name: o.Name, Kind: Kind(o.Kind), State: State(o.State), Size: o.Size, BytesDone: o.BytesDone,
		BytesWanted: o.BytesWanted, Path: o.Path, Link: o.Link, InfoHashV1: o.InfoHashV1, InfoHashV2: o.InfoHashV2,
		Private: o.Private, Listen: o.Listen, DownRate: o.DownRate, UpRate: o.UpRate, Downloaded: o.Downloaded,
		Uploaded: o.Uploaded, Queued: o.Queued, Peers: o.Peers, Sources: o.Sources, SuperSeeding: o.SuperSeeding, ETA: o.ETA,
		Added: o.Added, Done: o.Done,
	}
	if o.Err != nil {
		p.Err = publicError(o.Err)
	}
	if o.Feed != nil {
		f := Feed(*o.Feed)
		p.Feed, p.VersionLink = &f, o.VersionLink
	}
	// The node has no number yet, but an object that is done may well be empty.
	if p.Size == 0 && p.Done.IsZero() {
		p.Size = -1
	}
	if p.BytesWanted == 0 && p.Size != 0 {
		p.BytesWanted = -1
	}
	if p.Size > 0 {
		p.Ratio = float64(p.Uploaded) / float64(p.Size)
	}
	p.Reach = reachOf(o.Reach)
	for _, t := range o.Trackers {
		p.Trackers = append(p.Trackers, Tracker{
			URL: t.URL, Tier: t.Tier, Error: t.Error, Seeders: t.Seeders, Leechers: t.Leechers, Announced: t.Announced, Next: t.Next,
		})
	}
	return p
}

func (o TorrentOptions) create(path string) create.Request {
	return create.Request{
		Path: path, Name: o.Name, Format: o.Format, PieceLength: o.PieceLength, Private: o.Private, Trackers: o.Trackers,
		WebSeeds: o.WebSeeds, Comment: o.Comment,
	}
}

func peerOf(p node.Peer) Peer {
	return Peer{
		Address: p.Address, Client: p.Client, Network: p.Network, Direct: p.Direct, Punched: p.Punched,
		Encrypted: string(p.Encrypted), Key: p.Key, Have: p.Have, DownRate: p.DownRate, UpRate: p.UpRate,
	}
}
