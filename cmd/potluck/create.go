package main

import (
	"github.com/potluck-p2p/potluck"
	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
)

type createCmd struct {
	Path      string    `arg:"" help:"A file or folder."`
	Output    string    `short:"o" required:"" placeholder:"FILE.torrent" help:"Where to write the .torrent file."`
	PieceSize pieceSize `placeholder:"N" help:"Bytes of a piece, with K or M: a power of two of 16K and more."`
	Comment   string    `placeholder:"S" help:"A comment for people."`
	torrentFlags
}

// Run makes the torrent. It needs no node.
func (c *createCmd) Run(a *app) error {
	if err := a.mayWrite(c.Output, c.Path); err != nil {
		return err
	}
	p := a.out.progress()
	b, t, err := potluck.Create(a.ctx, c.Path, potluck.TorrentOptions{
		Format: c.Format, PieceLength: int64(c.PieceSize), Private: c.Private, Trackers: c.Tracker, WebSeeds: c.WebSeed,
		Comment: c.Comment, Note: a.out.skipped,
		Progress: func(done, total int64) { p.hashing(c.Path, c.Path, done, total) },
	})
	p.end()
	if a.ctx.Err() != nil {
		return interrupted("run the same command again: nothing was changed")
	}
	if err != nil {
		return err
	}
	if err := a.save(c.Output, b); err != nil {
		return err
	}
	if a.out.json {
		a.out.emit(infoOf(v1.InfoOf(t)))
		return nil
	}
	a.out.say("Wrote %s: %s, %s, %s of %s", printable(c.Output), printable(t.Name), size(t.Size),
		counted(pieces(t), "piece"), pieceText(t.PieceLength))
	return nil
}

func pieces(t potluck.Torrent) int {
	if t.PieceLength == 0 {
		return 0
	}
	return int((t.Size + t.PieceLength - 1) / t.PieceLength)
}
