package sim

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/intake"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/vfs"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// body is what a run knows and holds of the object with its metadata.
type body struct {
	layout *torrent.Layout
	hashes *torrent.Hashes
	files  *store.Object
	intake *intake.Intake // nil for a share
	// durable is what the catalog has recorded, and of files found under their final names what is right.
	durable []content.Ranges
}

// read fills p with the bytes of a piece; padding reads as zeros.
func (b *body) read(p []byte, piece, begin int) error {
	for _, s := range b.layout.Segments(nil, piece, begin, len(p)) {
		n := int(s.Len())
		if s.Pad > 0 {
			clear(p[:n])
		} else if err := b.files.ReadAt(p[:n], s.Extent.File, s.Extent.Offset); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// open goes from the metadata to a swarm in motion, in the order of the node's own.
func (r *run) open() error {
	n := r.n
	info, err := metainfo.ParseInfo(n.book.info)
	if err != nil {
		return err
	}
	b := &body{layout: torrent.New(info)}
	b.hashes = torrent.NewHashes(info, b.layout, n.book.layers)
	var verified []content.Ranges
	if n.shared != nil {
		b.files = r.store.OpenShared(n.place(), n.object, n.shared)
		verified = n.w.object.everything()
	} else {
		b.files, err = r.store.OpenFetched(folder, n.object, store.FetchOptions{Identities: n.book.finished, Resume: n.book.placed})
		if err != nil {
			return err
		}
		n.book.placed = true
		if verified, err = r.reopen(b); err != nil {
			return err
		}
		b.intake = intake.New(intake.Config{
			Layout: b.layout, Hashes: b.hashes, Files: b.files, Budget: intake.NewBudget(n.plan.Budget), Pool: intake.NewPoolBy(r.queue),
			NeedLeaves: r.swarm.NeedLeaves, Report: r.checked,
		})
	}
	have := b.layout.Complete(verified)
	n.w.notef(n.i, "opens with %d of %d pieces", have.Count(), have.Len())
	r.body = b
	r.swarm.Open(n.w.now, swarm.Content{Info: info, Layout: b.layout, Hashes: b.hashes, Verified: have})
	n.w.judge.opened(r, have)
	return nil
}

// reopen finds out what of the object is on the disk and right: what the catalog says of files that nobody can have written
// to since, and what hashes right.
func (r *run) reopen(b *body) (verified []content.Ranges, err error) {
	book := &r.n.book
	recorded := book.recorded
	for i := range recorded {
		switch b.files.State(i) {
		case store.Whole:
			if err := b.files.CheckFile(i); err != nil {
				return nil, fmt.Errorf("finished file %d: %w", i, err)
			}
		default:
			if !recorded[i].IsEmpty() && !r.untouched(i) {
				recorded[i] = content.Ranges{}
			}
		}
	}
	verified = clone(recorded)
	have := b.layout.Complete(recorded)
	for i := range b.layout.Pieces() {
		if have.Has(i) || !b.onDisk(i) {
			continue
		}
		data := make([]byte, b.layout.Need(i))
		if err := b.read(data, i, 0); errors.Is(err, store.ErrMissing) {
			continue
		} else if err != nil {
			return nil, err
		}
		if !b.hashes.Check(i, data).OK {
			continue
		}
		for _, e := range b.layout.Extents(i) {
			verified[e.File].Add(e.Offset, e.End())
			b.files.Verified(e)
		}
	}
	b.durable = clone(recorded)
	for i := range recorded {
		if b.files.State(i) == store.Found {
			b.durable[i] = verified[i].Clone()
		}
	}
	return verified, nil
}

func clone(list []content.Ranges) []content.Ranges {
	copies := make([]content.Ranges, len(list))
	for i := range list {
		copies[i] = list[i].Clone()
	}
	return copies
}

// onDisk reports whether all files of a piece have something on the disk.
func (b *body) onDisk(piece int) bool {
	for f := range b.layout.Touches(piece) {
		if s := b.files.State(f); s == store.Absent || s == store.Doubtful {
			return false
		}
	}
	return true
}

// untouched reports whether an unfinished file is as potluck left it when it last ended in good order.
func (r *run) untouched(file int) bool {
	info, err := r.n.faults.Stat(r.n.partName(file))
	return err == nil && r.n.book.left[file] != (vfs.Info{}) && info == r.n.book.left[file]
}

// finalName and partName are where a file lies when it is finished, and until then.
func (n *node) finalName(file int) string { return n.named(n.object.Files()[file].Path) }
func (n *node) partName(file int) string  { return n.named(n.object.Files()[file].Path.Part()) }

func (n *node) named(p content.Path) string {
	if n.object.IsDir() {
		return path.Join(n.place(), p.String())
	}
	return path.Join(folder, p.String())
}

// exists reports whether there is a file of that name.
func (n *node) exists(name string) bool {
	_, err := n.disk.Stat(name)
	return !errors.Is(err, fs.ErrNotExist)
}
