package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"text/tabwriter"

	"golang.org/x/term"

	"github.com/potluck-p2p/potluck"
)

// output is where a command speaks: results to stdout, everything else to stderr. Nothing that came from a stranger gets to a
// terminal without [potluck.Printable].
type output struct {
	mu      sync.Mutex
	stdout  io.Writer
	stderr  io.Writer
	above   io.Writer // instead of stderr while bars are shown there
	json    bool
	quiet   bool
	verbose bool
	bars    bool // stderr is a terminal that can show bars
}

func newOutput(stdout, stderr io.Writer, env func(string) string) *output {
	o := &output{stdout: stdout, stderr: stderr}
	if f, ok := stderr.(*os.File); ok && env("TERM") != "dumb" {
		// What is no terminal has no size, and neither have some that nobody looks at.
		_, height, err := term.GetSize(int(f.Fd()))
		o.bars = err == nil && height > 0
	}
	return o
}

// emit prints a result as a line of JSON.
func (o *output) emit(v any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	enc := json.NewEncoder(o.stdout)
	enc.SetEscapeHTML(false)
	// Nobody is there to be told that stdout is gone.
	_ = enc.Encode(v)
}

// result prints a line of the result as text.
func (o *output) result(line string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	fmt.Fprintln(o.stdout, line)
}

// table prints results as columns.
func (o *output) table(rows [][]string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	w := tabwriter.NewWriter(o.stdout, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintln(w, strings.Join(r, "\t"))
	}
	_ = w.Flush()
}

// say prints a message, unless the user wants none.
func (o *output) say(format string, args ...any) {
	if !o.quiet {
		fmt.Fprintf(o.messages(), format+"\n", args...)
	}
}

// report prints an error and returns it in full.
func (o *output) report(err error) *potluck.Error {
	e := potluck.AsError(err)
	if o.json {
		o.emit(errorLine{Type: "error", Code: e.Code, Message: e.Message, Hint: e.Hint, Exit: e.Exit})
		return e
	}
	text := "potluck: " + potluck.Printable(e.Message) + "\n"
	if e.Hint != "" {
		text += "  Fix: " + potluck.Printable(e.Hint) + "\n"
	}
	fmt.Fprint(o.messages(), text)
	return e
}

// messages is stderr, or what prints above the bars there.
func (o *output) messages() io.Writer { return messageWriter{o} }

type messageWriter struct{ o *output }

func (m messageWriter) Write(b []byte) (int, error) {
	m.o.mu.Lock()
	defer m.o.mu.Unlock()
	if m.o.above != nil {
		return m.o.above.Write(b)
	}
	return m.o.stderr.Write(b)
}

// showAbove has messages printed by w, and by stderr again if w is nil.
func (o *output) showAbove(w io.Writer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.above = w
}
