package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// The pool of SQLite connections ends behind Close.
	goleak.VerifyTestMain(m)
}

// patience bounds how long a test waits for a line.
const patience = 30 * time.Second

// environment is that of a user whose home folder is a temporary one.
type environment map[string]string

func newEnvironment(t *testing.T) environment {
	t.Helper()
	dir := t.TempDir()
	return environment{"HOME": dir, "POTLUCK_HOME": filepath.Join(dir, "state"), "POTLUCK_OFFLINE": "1", "POTLUCK_LISTEN": "127.0.0.1:0"}
}

func (e environment) lookup(name string) (string, bool) {
	v, ok := e[name]
	return v, ok
}

// result is what a command said and with what it exited.
type result struct {
	stdout, stderr string
	code           int
}

// potluck runs a command to its end.
func (e environment) potluck(t *testing.T, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var stdout, stderr buffer
	code := run(ctx, args, e.lookup, &stdout, &stderr)
	return result{stdout.String(), stderr.String(), code}
}

// ok runs a command that must go well.
func (e environment) ok(t *testing.T, args ...string) string {
	t.Helper()
	r := e.potluck(t, args...)
	if r.code != 0 {
		t.Fatalf("potluck %s exited with %d\n%s%s", strings.Join(args, " "), r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

// buffer may be written to by several goroutines.
type buffer struct {
	mu    sync.Mutex
	b     bytes.Buffer
	grown chan struct{} // closed when there is more; nil: nobody waits
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.grown != nil {
		close(b.grown)
		b.grown = nil
	}
	return b.b.Write(p)
}

// await waits until a text has been written.
func (b *buffer) await(t *testing.T, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for ctx.Err() == nil {
		b.mu.Lock()
		got := b.b.String()
		if b.grown == nil {
			b.grown = make(chan struct{})
		}
		grown := b.grown
		b.mu.Unlock()
		if strings.Contains(got, text) {
			return
		}
		select {
		case <-grown:
		case <-ctx.Done():
		}
	}
	t.Errorf("never said %q, but %q", text, b.String())
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// process is a command that runs until it is interrupted.
type process struct {
	t         *testing.T
	lines     *bufio.Scanner
	stderr    buffer
	interrupt context.CancelFunc
	code      chan int
}

// begin begins a command; its lines are read with next.
func (e environment) begin(t *testing.T, args ...string) *process {
	t.Helper()
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	p := &process{t: t, lines: bufio.NewScanner(r), interrupt: cancel, code: make(chan int, 1)}
	go func() {
		p.code <- run(ctx, args, e.lookup, w, &p.stderr)
		w.Close()
	}()
	watchdog := time.AfterFunc(patience, cancel)
	t.Cleanup(func() {
		watchdog.Stop()
		cancel()
		r.Close()
	})
	return p
}

// next reads lines up to one of a type.
func (p *process) next(kind string) map[string]any {
	p.t.Helper()
	for p.lines.Scan() {
		var line map[string]any
		if err := json.Unmarshal(p.lines.Bytes(), &line); err != nil {
			p.t.Fatalf("%v in %s", err, p.lines.Text())
		}
		if line["type"] == kind {
			return line
		}
	}
	p.t.Fatalf("there was no line of type %s\n%s", kind, p.stderr.String())
	return nil
}

// end reads what is left and returns with what the command exited.
func (p *process) end() int {
	p.t.Helper()
	for p.lines.Scan() {
	}
	return <-p.code
}

// parseLines reads lines of JSON.
func parseLines(t *testing.T, text string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(text) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if !strings.HasPrefix(line, `{"type":`) {
			t.Errorf("the type is not first in %s", line)
		}
		all = append(all, m)
	}
	return all
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
