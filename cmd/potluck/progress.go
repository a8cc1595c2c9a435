package main

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/potluck-p2p/potluck"
	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
)

// progress shows how far things are: bars on a terminal, elsewhere a line a second, with --json a line of JSON a second.
type progress struct {
	out *output

	mu    sync.Mutex
	pool  *mpb.Progress // nil if there are no bars
	bars  map[string]*bar
	began time.Time
	lines map[string]time.Time // when the last line about something was printed
}

// bar is the bar of one thing, and the text beside it.
type bar struct {
	*mpb.Bar
	mu   sync.Mutex
	name string // changes when it becomes known
	text string
}

func (b *bar) say(name, text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.name, b.text = name, text
}

func (b *bar) said() (name, text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.name, b.text
}

const (
	lineEvery = time.Second
	drawEvery = 200 * time.Millisecond
	barWidth  = 30
	nameWidth = 40
)

func (o *output) progress() *progress {
	p := &progress{out: o, bars: make(map[string]*bar), began: time.Now(), lines: make(map[string]time.Time)}
	if o.bars && !o.json && !o.quiet {
		p.pool = mpb.New(mpb.WithOutput(o.stderr), mpb.WithRefreshRate(drawEvery), mpb.WithWidth(barWidth), mpb.WithAutoRefresh())
		o.showAbove(p.pool)
	}
	return p
}

// object shows how far an object is.
func (p *progress) object(o v1.Object) {
	if p.out.json {
		// Programs hear of a new state at once.
		if p.due(o.ID+" "+o.State, time.Time{}) {
			p.out.emit(progressOf(o))
		}
		return
	}
	total := int64(0)
	if o.BytesWanted != nil {
		total = *o.BytesWanted
	}
	p.show(o.ID, nameOf(o), objectText(o), o.BytesDone, total)
}

// objectText is what is said of an object while it moves.
func objectText(o v1.Object) string {
	var parts []string
	switch o.State {
	case string(potluck.Fetching):
		if o.BytesWanted != nil {
			parts = append(parts, percent(o.BytesDone, *o.BytesWanted), size(o.BytesDone)+" of "+size(*o.BytesWanted))
		}
		parts = append(parts, rate(o.DownRate))
		if o.ETA != nil {
			parts = append(parts, clock(*o.ETA)+" left")
		}
	case string(potluck.Resolving):
		parts = append(parts, "asking what it is")
	case string(potluck.Checking):
		parts = append(parts, "checking what is there")
	default:
		parts = append(parts, o.State)
	}
	return strings.Join(append(parts, counted(o.Peers, "peer")), "  ")
}

// hashing shows how far the reading of a file or folder is.
func (p *progress) hashing(key, name string, done, total int64) {
	if !p.out.json {
		p.show(key, name, "hashing  "+percent(done, total)+"  "+size(done)+" of "+size(total), done, total)
	}
}

func (p *progress) show(key, name, text string, done, total int64) {
	if p.out.quiet {
		return
	}
	name = shorten(potluck.Printable(name), nameWidth)
	if p.pool == nil {
		// What takes less than a second needs no line.
		if p.due(key, p.began) {
			p.out.say("%s  %s", name, text)
		}
		return
	}
	b := p.bar(key)
	b.say(name, text)
	// A bar with all its bytes would be complete, and is not while something may still come.
	b.SetTotal(max(total, 1)+1, false)
	b.SetCurrent(done)
}

func (p *progress) bar(key string) *bar {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b := p.bars[key]; b != nil {
		return b
	}
	b := &bar{}
	b.Bar = p.pool.New(0, mpb.BarStyle().Lbound("").Filler("━").Tip("╸").Padding(" ").Rbound(""),
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string {
			name, _ := b.said()
			return name
		}, decor.WCSyncSpaceR)),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
			_, text := b.said()
			return "  " + text
		})))
	p.bars[key] = b
	return b
}

// due reports whether it is time for another line about something.
func (p *progress) due(key string, last time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t, ok := p.lines[key]; ok {
		last = t
	}
	now := time.Now()
	if now.Sub(last) < lineEvery {
		return false
	}
	p.lines[key] = now
	return true
}

// over takes something out of what is shown.
func (p *progress) over(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b := p.bars[key]; b != nil {
		b.Abort(true)
		delete(p.bars, key)
	}
}

// end takes all bars away.
func (p *progress) end() {
	if p.pool == nil {
		return
	}
	p.mu.Lock()
	for _, b := range p.bars {
		b.Abort(true)
	}
	p.mu.Unlock()
	p.out.showAbove(nil)
	p.pool.Wait()
}

func nameOf(o v1.Object) string {
	switch {
	case o.Name != "":
		return o.Name
	case o.InfoHashV1 != "":
		return o.InfoHashV1
	}
	return o.InfoHashV2
}

// shorten cuts the middle out of a text.
func shorten(s string, width int) string {
	r := []rune(s)
	if len(r) <= width {
		return s
	}
	return fmt.Sprintf("%s…%s", string(r[:width/2]), string(r[len(r)-width/2+1:]))
}
