package main

import (
	"fmt"
	"os"
	"syscall"

	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// object is what a torrent of one file says.
type object struct {
	hash          [20]byte
	length, piece int64
	hybrid        bool
}

// load reads a .torrent file.
func load(path string) (object, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return object{}, err
	}
	t, err := metainfo.Parse(raw)
	if err != nil {
		return object{}, err
	}
	if len(t.Info.Files) != 1 {
		return object{}, fmt.Errorf("%s has %d files", path, len(t.Info.Files))
	}
	_, v1 := t.Info.Hash.V1()
	_, v2 := t.Info.Hash.V2()
	return object{t.Info.Hash.Wire()[0], t.Info.Files[0].Size, t.Info.PieceLength, v1 && v2}, nil
}

// mapped is the content, for all to read and in memory once.
func mapped(path string, length int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return syscall.Mmap(int(f.Fd()), 0, int(length), syscall.PROT_READ, syscall.MAP_SHARED)
}

// pieces is how many there are.
func (o object) pieces() int { return int((o.length + o.piece - 1) / o.piece) }

// sizeOf is how long a piece is.
func (o object) sizeOf(piece int) int64 { return min(o.piece, o.length-int64(piece)*o.piece) }

// all is the bitfield of one who has everything.
func (o object) all() []byte {
	bits := make([]byte, (o.pieces()+7)/8)
	for i := range o.pieces() {
		bits[i/8] |= 0x80 >> (i % 8)
	}
	return bits
}
