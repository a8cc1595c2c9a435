package output

import (
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/potluck-p2p/potluck"
	"github.com/potluck-p2p/potluck/cmd/potluck/lines"
	"github.com/potluck-p2p/potluck/cmd/potluck/words"
	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
)

// Progress shows how far things are: bars on a terminal, elsewhere a line a second, with --json a line of JSON a second.
type Progress struct {
	out *Output

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
)

// Progress begins to show how far things are; End ends it.
func (o *Output) Progress() *Progress {
	p := &Progress{out: o, bars: make(map[string]*bar), began: time.Now(), lines: make(map[string]time.Time)}
	if o.bars && !o.JSON && !o.Quiet {
		p.pool = mpb.New(mpb.WithOutput(o.stderr), mpb.WithRefreshRate(drawEvery), mpb.WithWidth(barWidth), mpb.WithAutoRefresh())
		o.showAbove(p.pool)
	}
	return p
}

// Object shows how far an object is.
func (p *Progress) Object(o v1.Object) {
	if p.out.JSON {
		// Programs hear of a new state at once.
		if p.due(o.ID+" "+o.State, time.Time{}) {
			p.out.Emit(lines.ProgressOf(o))
		}
		return
	}
	total := int64(0)
	if o.BytesWanted != nil {
		total = *o.BytesWanted
	}
	p.show(o.ID, words.NameOf(o), words.Progress(o), o.BytesDone, total)
}

// Hashing shows how far the reading of a file or folder is.
func (p *Progress) Hashing(key, name string, done, total int64) {
	if !p.out.JSON {
		p.show(key, name, "hashing  "+words.Percent(done, total)+"  "+words.Size(done)+" of "+words.Size(total), done, total)
	}
}

func (p *Progress) show(key, name, text string, done, total int64) {
	if p.out.Quiet {
		return
	}
	name = words.Shorten(potluck.Printable(name), words.NameWidth)
	if p.pool == nil {
		// What takes less than a second needs no line.
		if p.due(key, p.began) {
			p.out.Say("%s  %s", name, text)
		}
		return
	}
	b := p.bar(key)
	b.say(name, text)
	// A bar with all its bytes would be complete, and is not while something may still come.
	b.SetTotal(max(total, 1)+1, false)
	b.SetCurrent(done)
}

func (p *Progress) bar(key string) *bar {
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
func (p *Progress) due(key string, last time.Time) bool {
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

// Over takes something out of what is shown.
func (p *Progress) Over(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b := p.bars[key]; b != nil {
		b.Abort(true)
		delete(p.bars, key)
	}
}

// End takes all bars away.
func (p *Progress) End() {
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
