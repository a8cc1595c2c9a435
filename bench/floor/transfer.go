package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

const (
	piece = 1 << 20
	leaf  = 16 << 10
	// ahead is how many pieces are received ahead of those that are hashed and written.
	ahead = 2
)

// file is one to send.
type file struct {
	size int64
	path string
}

// list reads a list of files below dir.
func list(path, dir string) ([]file, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var files []file
	for line := range strings.Lines(string(text)) {
		var f file
		if _, err := fmt.Sscan(line, &f.size); err != nil {
			return nil, err
		}
		_, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		f.path = filepath.Join(dir, name)
		files = append(files, f)
	}
	return files, nil
}

// serve sends files to the first who connects.
func serve(args []string) error {
	files, err := list(args[2], args[1])
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", args[0])
	if err != nil {
		return err
	}
	fmt.Println("ready")
	conn, err := listener.Accept()
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, f := range files {
		if err := send(conn, f); err != nil {
			return err
		}
	}
	// The other side closes when it has everything, so that the time of both ends then.
	_, err = io.Copy(io.Discard, conn)
	return err
}

// send sends one file; package net does it by sendfile(2).
func send(conn net.Conn, f file) error {
	in, err := os.Open(f.path)
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = io.Copy(conn, in)
	return err
}

// fetch receives files: one goroutine reads from the connection, and on each processor another hashes and writes.
func fetch(args []string) error {
	files, err := list(args[2], args[1])
	if err != nil {
		return err
	}
	hash := map[string]func([]byte){"sha1": hashPiece, "sha256": hashLeaves}[args[3]]
	if hash == nil {
		return errUsage
	}
	conn, err := net.Dial("tcp", args[0])
	if err != nil {
		return err
	}
	defer conn.Close()
	to := newShelf(files)
	workers := runtime.GOMAXPROCS(0)
	free, full := make(chan []byte, workers+ahead), make(chan received, workers+ahead)
	for range cap(free) {
		free <- make([]byte, piece)
	}
	failed := make(chan error, workers)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() { failed <- keep(to, full, free, hash) })
	}
	err = receive(conn, to.size, full, free, failed)
	close(full)
	all.Wait()
	close(failed)
	for e := range failed {
		err = errors.Join(err, e)
	}
	return err
}

// received is a piece and where it begins.
type received struct {
	p  []byte
	at int64
}

// receive reads so much, piece by piece, until a worker ends.
func receive(conn net.Conn, size int64, full chan<- received, free <-chan []byte, failed <-chan error) error {
	for at := int64(0); at < size; {
		select {
		case p := <-free:
			p = p[:min(size-at, piece)]
			if _, err := io.ReadFull(conn, p); err != nil {
				return err
			}
			full <- received{p, at}
			at += int64(len(p))
		case err := <-failed:
			return err
		}
	}
	return nil
}

// keep hashes pieces and writes them where they belong.
func keep(to *shelf, full <-chan received, free chan<- []byte, hash func([]byte)) error {
	for r := range full {
		hash(r.p)
		if err := to.write(r.p, r.at); err != nil {
			return err
		}
		free <- r.p[:piece]
	}
	return nil
}
