package local

import (
	"bytes"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/vfs"
	"github.com/potluck-p2p/potluck/internal/vfs/vfstest"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// What lies at an object's place already is taken over, and each byte of it is read once. One wrong byte, and it is left alone.
func TestFoundIsReadOnce(t *testing.T) {
	const pieceLength = 64 << 10
	data := bytes.Repeat([]byte("0123456789abcde"), 50_000)
	scan, err := torrent.Scan(t.Context(), []torrent.ScanFile{{
		Size: int64(len(data)), Open: func() (io.ReaderAt, io.Closer, error) { return bytes.NewReader(data), io.NopCloser(nil), nil },
	}}, torrent.ScanOptions{Format: metainfo.FormatHybrid, PieceLength: pieceLength})
	if err != nil {
		t.Fatal(err)
	}
	draft := metainfo.Draft{
		Name: "name", Format: metainfo.FormatHybrid, PieceLength: pieceLength, V1Pieces: scan.V1Pieces,
		Files: []metainfo.DraftFile{{Components: []string{"name"}, Size: int64(len(data)), Root: scan.Roots[0]}},
	}
	info, err := metainfo.ParseInfo(draft.Encode())
	if err != nil {
		t.Fatal(err)
	}
	for name, wrong := range map[string]bool{"right": false, "wrong": true} {
		t.Run(name, func(t *testing.T) {
			disk := vfs.NewFaults(vfs.NewMem())
			lying := bytes.Clone(data)
			if wrong {
				lying[len(data)/2] ^= 1
			}
			vfstest.Write(t, disk, "/files/name", lying)
			var read atomic.Int64
			disk.On(func(c vfs.Call) error {
				if c.Op == vfs.OpRead {
					read.Add(int64(c.Length))
				}
				return nil
			})
			d := &Disk{FS: disk, Store: store.New(disk, store.Options{Now: time.Now}), Sides: "/sides", Hashing: make(chan struct{}, 1)}
			b := d.New("1", info, scan.Layers, nil)
			if err := b.FindPlace(t.Context(), "/files", func(string) bool { return true }); err != nil {
				t.Fatal(err)
			}
			defer b.Files.Close()
			if taken := b.Files.Path() == "/files/name"; taken == wrong {
				t.Errorf("its place is %s", b.Files.Path())
			}
			verified, err := b.CheckDisk(t.Context(), make([]content.Ranges, 1))
			if err != nil || verified[0].Contains(0, int64(len(data))) == wrong {
				t.Errorf("verified %v, %v", verified, err)
			}
			if read.Load() != int64(len(data)) {
				t.Errorf("%d bytes read of %d", read.Load(), len(data))
			}
		})
	}
}
