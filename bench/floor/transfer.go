package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
)

const (
	piece = 1 << 20
	leaf  = 16 << 10
	// ahead is how many pieces are received ahead of the one that is hashed and written.
	ahead = 4
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

// fetch receives files: one goroutine reads from the connection, another hashes and writes.
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
	var left int64
	for _, f := range files {
		left += f.size
	}
	free, full := make(chan []byte, ahead), make(chan []byte, ahead)
	for range ahead {
		free <- make([]byte, piece)
	}
	written := make(chan error, 1)
	go func() { written <- keep(files, full, free, hash) }()
	for left > 0 {
		select {
		case p := <-free:
			p = p[:min(left, piece)]
			if _, err := io.ReadFull(conn, p); err != nil {
				return err
			}
			left -= int64(len(p))
			full <- p
		case err := <-written:
			return err
		}
	}
	close(full)
	return <-written
}

// keep hashes pieces and writes them into the files, one behind the other.
func keep(files []file, full <-chan []byte, free chan<- []byte, hash func([]byte)) error {
	var out *os.File
	var left int64
	for p := range full {
		hash(p)
		for rest := p; len(rest) > 0; {
			if out == nil {
				var err error
				if err = os.MkdirAll(filepath.Dir(files[0].path), 0o755); err != nil {
					return err
				}
				if out, err = os.Create(files[0].path); err != nil {
					return err
				}
				left, files = files[0].size, files[1:]
			}
			n, err := out.Write(rest[:min(left, int64(len(rest)))])
			if err != nil {
				return err
			}
			rest, left = rest[n:], left-int64(n)
			if left == 0 {
				if err := out.Close(); err != nil {
					return err
				}
				out = nil
			}
		}
		free <- p[:piece]
	}
	return nil
}
