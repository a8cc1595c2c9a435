package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/potluck-p2p/potluck"
	"github.com/potluck-p2p/potluck/cmd/potluck/ending"
	"github.com/potluck-p2p/potluck/cmd/potluck/lines"
	"github.com/potluck-p2p/potluck/cmd/potluck/words"
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
	p := a.out.Progress()
	b, t, err := potluck.Create(a.ctx, c.Path, potluck.TorrentOptions{
		Format: c.Format, PieceLength: int64(c.PieceSize), Private: c.Private, Trackers: c.Tracker, WebSeeds: c.WebSeed,
		Comment: c.Comment, Note: a.out.Skipped,
		Progress: func(done, total int64) { p.Hashing(c.Path, c.Path, done, total) },
	})
	p.End()
	if a.ctx.Err() != nil {
		return ending.Interrupted("run the same command again: nothing was changed")
	}
	if err != nil {
		return err
	}
	if err := a.save(c.Output, b); err != nil {
		return err
	}
	if a.out.JSON {
		a.out.Emit(lines.InfoOf(v1.InfoOf(t)))
		return nil
	}
	a.out.Say("Wrote %s: %s, %s, %s of %s", potluck.Printable(c.Output), potluck.Printable(t.Name), words.Size(t.Size),
		words.Counted(pieces(t), "piece"), words.PieceSize(t.PieceLength))
	return nil
}

func pieces(t potluck.Torrent) int {
	if t.PieceLength == 0 {
		return 0
	}
	return int((t.Size + t.PieceLength - 1) / t.PieceLength)
}

// pieceSize is a size as the user types it, with K and M for powers of 1024, as piece sizes are.
type pieceSize int64

func (p *pieceSize) UnmarshalText(b []byte) error {
	text := strings.ToUpper(strings.TrimSuffix(strings.ToUpper(string(b)), "IB"))
	unit := int64(1)
	switch {
	case strings.HasSuffix(text, "K"):
		text, unit = text[:len(text)-1], 1<<10
	case strings.HasSuffix(text, "M"):
		text, unit = text[:len(text)-1], 1<<20
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 || n > 1<<30 {
		return fmt.Errorf("%q is no piece size: write bytes as 65536, 256K or 4M", b)
	}
	*p = pieceSize(n * unit)
	return nil
}
