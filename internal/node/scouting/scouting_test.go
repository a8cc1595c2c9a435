package scouting_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/node/scouting"
	"github.com/potluck-p2p/potluck/internal/scheduler"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

const pieceLength = 2 * torrent.BlockSize

// describe makes the metadata of one file of so many pieces, and its hashes.
func describe(t *testing.T, format metainfo.Format, pieces int) (*metainfo.Info, *torrent.Hashes) {
	t.Helper()
	data := bytes.Repeat([]byte{7}, pieces*pieceLength)
	r, err := torrent.Scan(t.Context(), []torrent.ScanFile{{Size: int64(len(data)), Open: func() (io.ReaderAt, io.Closer, error) {
		return bytes.NewReader(data), io.NopCloser(nil), nil
	}}}, torrent.ScanOptions{Format: format, PieceLength: pieceLength, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	draft := metainfo.Draft{
		Name: "found", Format: format, PieceLength: pieceLength, V1Pieces: r.V1Pieces,
		Files: []metainfo.DraftFile{{Components: []string{"found"}, Size: int64(len(data))}},
	}
	if format != metainfo.FormatV1 {
		draft.Files[0].Root = r.Roots[0]
	}
	info, err := metainfo.ParseInfo(draft.Encode())
	if err != nil {
		t.Fatal(err)
	}
	return info, torrent.NewHashes(info, torrent.New(info), r.Layers)
}

// TestMetadataIsEnough where pieces can be told to be right by it alone.
func TestMetadataIsEnough(t *testing.T) {
	for _, c := range []struct {
		format metainfo.Format
		pieces int
	}{{metainfo.FormatV1, 3}, {metainfo.FormatHybrid, 3}, {metainfo.FormatV2, 1}} {
		info, _ := describe(t, c.format, c.pieces)
		s := scouting.New()
		if _, more := s.MetadataFound(info); more {
			t.Errorf("%v: asks for more", c.format)
			continue
		}
		if l := <-s.Learned(); l.Info != info || l.Err != nil {
			t.Errorf("%v: %+v", c.format, l)
		}
	}
}

// TestLayers: without v1 hashes it is learned when all piece layers have come, and one piece is wanted meanwhile.
func TestLayers(t *testing.T) {
	info, full := describe(t, metainfo.FormatV2, 600)
	s := scouting.New()
	c, more := s.MetadataFound(info)
	if !more {
		t.Fatal("no layers needed")
	}
	wanted := 0
	for piece := range c.Layout.Pieces() {
		if c.Priority(piece) != scheduler.None {
			wanted++
		}
	}
	if wanted != 1 {
		t.Errorf("%d pieces wanted", wanted)
	}
	var asked []torrent.HashRequest
	for r := range c.Hashes.Missing() {
		asked = append(asked, r)
	}
	if len(asked) < 2 {
		t.Fatalf("%d requests are no test", len(asked))
	}
	for _, r := range asked {
		s.LayersFound()
		if len(s.Learned()) != 0 {
			t.Fatal("learned too early")
		}
		list, _, ok := full.Serve(nil, r)
		if !ok {
			t.Fatalf("cannot serve %+v", r)
		}
		if err := c.Hashes.Add(r, list); err != nil {
			t.Fatal(err)
		}
	}
	s.LayersFound()
	s.LayersFound()
	s.Fail(errors.New("too late"))
	if l := <-s.Learned(); l.Err != nil || l.Info != info || len(l.Layers) != 1 {
		t.Errorf("%+v", l)
	}
	if len(s.Learned()) != 0 {
		t.Error("told twice")
	}
}

// TestFail says why, or at least that.
func TestFail(t *testing.T) {
	for _, why := range []error{errors.New("no"), nil} {
		s := scouting.New()
		s.Fail(why)
		if l := <-s.Learned(); l.Err == nil || why != nil && l.Err != why {
			t.Errorf("%v: %v", why, l.Err)
		}
	}
}
