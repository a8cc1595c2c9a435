// Package output is where a command speaks: results as text, columns or lines of JSON, messages, errors, bars that show how far things
// are, and QR codes.
package output

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"text/tabwriter"

	"golang.org/x/term"

	"github.com/potluck-p2p/potluck"
	"github.com/potluck-p2p/potluck/cmd/potluck/lines"
)

// Output is where a command speaks: results to stdout, everything else to stderr. Nothing that came from a stranger gets to a
// terminal without [potluck.Printable].
type Output struct {
	mu     sync.Mutex
	stdout io.Writer
	stderr io.Writer
	above  io.Writer // instead of stderr while bars are shown there
	// JSON has lines of JSON printed; Quiet is no progress and no messages but errors, Verbose more messages.
	JSON    bool
	Quiet   bool
	Verbose bool
	bars    bool // stderr is a terminal that can show bars
}

// New makes the output of a process. Bars are shown only where stderr is a terminal that can show them.
func New(stdout, stderr io.Writer, env func(string) string) *Output {
	o := &Output{stdout: stdout, stderr: stderr}
	if f, ok := stderr.(*os.File); ok && env("TERM") != "dumb" {
		// What is no terminal has no size, and neither have some that nobody looks at.
		_, height, err := term.GetSize(int(f.Fd()))
		o.bars = err == nil && height > 0
	}
	return o
}

// Emit prints a result as a line of JSON.
func (o *Output) Emit(v any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	enc := json.NewEncoder(o.stdout)
	enc.SetEscapeHTML(false)
	// Nobody is there to be told that stdout is gone.
	_ = enc.Encode(v)
}

// Result prints a line of the result as text.
func (o *Output) Result(line string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	fmt.Fprintln(o.stdout, line)
}

// Table prints results as columns.
func (o *Output) Table(rows [][]string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	w := tabwriter.NewWriter(o.stdout, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintln(w, strings.Join(r, "\t"))
	}
	_ = w.Flush()
}

// Say prints a message, unless the user wants none.
func (o *Output) Say(format string, args ...any) {
	if !o.Quiet {
		fmt.Fprintf(o.Messages(), format+"\n", args...)
	}
}

// Report prints an error and returns it in full.
func (o *Output) Report(err error) *potluck.Error {
	e := potluck.AsError(err)
	if o.JSON {
		o.Emit(lines.Error{Type: "error", Code: e.Code, Message: e.Message, Hint: e.Hint, Exit: e.Exit})
		return e
	}
	text := "potluck: " + potluck.Printable(e.Message) + "\n"
	if e.Hint != "" {
		text += "  Fix: " + potluck.Printable(e.Hint) + "\n"
	}
	fmt.Fprint(o.Messages(), text)
	return e
}

// Messages is stderr, or what prints above the bars there.
func (o *Output) Messages() io.Writer { return messageWriter{o} }

type messageWriter struct{ o *Output }

func (m messageWriter) Write(b []byte) (int, error) {
	m.o.mu.Lock()
	defer m.o.mu.Unlock()
	if m.o.above != nil {
		return m.o.above.Write(b)
	}
	return m.o.stderr.Write(b)
}

// showAbove has messages printed by w, and by stderr again if w is nil.
func (o *Output) showAbove(w io.Writer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.above = w
}

// Skipped tells of a file that is left out.
func (o *Output) Skipped(path, why string) {
	o.Say("%s: %s", potluck.Printable(path), potluck.Printable(why))
}

// Logger is where a node of this process says what happens to it, from a level on; more or less than that if the user wants it so.
func (o *Output) Logger(level slog.Level) *slog.Logger {
	switch {
	case o.Verbose:
		level = slog.LevelDebug
	case o.Quiet:
		level = slog.LevelError
	}
	return slog.New(slog.NewTextHandler(o.Messages(), &slog.HandlerOptions{Level: level}))
}
