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

// fetch receives files, on each processor: who has read a piece hashes it and writes it, while the next one is read.
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
	from, to := &stream{conn: conn}, newShelf(files)
	failed := make(chan error, runtime.GOMAXPROCS(0))
	for range cap(failed) {
		go func() { failed <- keep(from, to, hash) }()
	}
	for range cap(failed) {
		err = errors.Join(err, <-failed)
	}
	return err
}

// stream is a connection that several read from in turn.
type stream struct {
	mu   sync.Mutex
	conn net.Conn
	at   int64 // how much has been read
}

// next reads the next piece of so many bytes, and says where it begins.
func (s *stream) next(p []byte, size int64) (n, at int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, at = min(int64(len(p)), size-s.at), s.at
	if n > 0 {
		_, err = io.ReadFull(s.conn, p[:n])
		s.at += n
	}
	return n, at, err
}

// keep reads pieces, hashes them and writes them where they belong, until there are no more.
func keep(from *stream, to *shelf, hash func([]byte)) error {
	p := make([]byte, piece)
	for {
		n, at, err := from.next(p, to.size)
		if n == 0 || err != nil {
			return err
		}
		hash(p[:n])
		if err := to.write(p[:n], at); err != nil {
			return err
		}
	}
}
