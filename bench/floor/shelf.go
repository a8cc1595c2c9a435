package main

import (
	"os"
	"path/filepath"
	"sort"
	"sync"
)

// shelf is where files lie that several write to, as if they lay one behind the other.
type shelf struct {
	size  int64
	mu    sync.Mutex
	books []book
}

// book is one file of a shelf: it is open from its first byte to its last.
type book struct {
	file
	begin, left int64
	open        *os.File
}

func newShelf(files []file) *shelf {
	s := &shelf{books: make([]book, len(files))}
	for i, f := range files {
		s.books[i] = book{file: f, begin: s.size, left: f.size}
		s.size += f.size
	}
	return s
}

// write puts p where at is.
func (s *shelf) write(p []byte, at int64) error {
	i := sort.Search(len(s.books), func(i int) bool { return s.books[i].begin+s.books[i].size > at })
	for ; len(p) > 0; i++ {
		b := &s.books[i]
		n := min(int64(len(p)), b.begin+b.size-at)
		if err := s.fill(b, p[:n], at-b.begin); err != nil {
			return err
		}
		p, at = p[n:], at+n
	}
	return nil
}

// fill writes a part of a file, and closes it when that was the last.
func (s *shelf) fill(b *book, p []byte, at int64) error {
	out, err := s.take(b)
	if err != nil {
		return err
	}
	if _, err := out.WriteAt(p, at); err != nil {
		return err
	}
	s.mu.Lock()
	b.left -= int64(len(p))
	whole := b.left == 0
	s.mu.Unlock()
	if whole {
		return out.Close()
	}
	return nil
}

// take opens a file, unless that has been done.
func (s *shelf) take(b *book) (*os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.open != nil {
		return b.open, nil
	}
	err := os.MkdirAll(filepath.Dir(b.path), 0o755)
	if err == nil {
		b.open, err = os.Create(b.path)
	}
	return b.open, err
}
