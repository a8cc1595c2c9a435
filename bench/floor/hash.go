package main

import (
	"crypto/sha1"
	"crypto/sha256"
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
)

// kinds are what is made of a piece for each format of torrents.
var kinds = map[string]func([]byte){
	"v1":     hashPiece,
	"v2":     hashLeaves,
	"hybrid": func(p []byte) { hashPiece(p); hashLeaves(p) },
}

// hash reads a file piece by piece and hashes each, on all processors.
func hash(args []string) error {
	digest := kinds[args[0]]
	if digest == nil {
		return errUsage
	}
	in, err := os.Open(args[1])
	if err != nil {
		return err
	}
	defer in.Close()
	var next atomic.Int64
	var all sync.WaitGroup
	failed := make(chan error, runtime.GOMAXPROCS(0))
	for range cap(failed) {
		all.Go(func() { failed <- hashPieces(in, &next, digest) })
	}
	all.Wait()
	close(failed)
	for err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}

// hashPieces hashes pieces that nobody else has taken, until there are no more.
func hashPieces(in *os.File, next *atomic.Int64, digest func([]byte)) error {
	p := make([]byte, piece)
	for {
		n, err := in.ReadAt(p, next.Add(1)*piece-piece)
		if n > 0 {
			digest(p[:n])
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func hashPiece(p []byte) { sha1.Sum(p) }

// hashLeaves hashes the leaves of a piece and the tree above them.
func hashLeaves(p []byte) {
	var level [][sha256.Size]byte
	for len(p) > 0 {
		n := min(leaf, len(p))
		level = append(level, sha256.Sum256(p[:n]))
		p = p[n:]
	}
	for len(level) > 1 {
		for i := range len(level) / 2 {
			level[i] = sha256.Sum256(append(level[2*i][:], level[2*i+1][:]...))
		}
		level = level[:len(level)/2]
	}
}
