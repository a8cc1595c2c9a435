package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/potluck-p2p/potluck/test/peers"
)

const (
	// tick is the unit of processor times in /proc (USER_HZ), which is the same on all of Linux's architectures.
	tick = 10 * time.Millisecond
	// sampling is how often memory is looked at.
	sampling = 20 * time.Millisecond
)

// Meter watches what programs use until it is stopped.
type Meter struct {
	stop  chan struct{}
	ended sync.WaitGroup

	mu      sync.Mutex
	watched []*watched
}

type watched struct {
	*peers.Process
	before time.Duration
	used   Usage
}

// Watch begins to measure programs, each with whatever it has started. What they used before does not count.
func Watch(programs ...*peers.Process) *Meter {
	m := &Meter{stop: make(chan struct{})}
	for _, p := range programs {
		m.Add(p)
	}
	m.ended.Go(func() {
		beat := time.NewTicker(sampling)
		defer beat.Stop()
		for {
			m.sample()
			select {
			case <-beat.C:
			case <-m.stop:
				return
			}
		}
	})
	return m
}

// Add has one more program measured, which has done something before.
func (m *Meter) Add(p *peers.Process) {
	for _, pid := range group(p.PID()) {
		// Writing 5 makes what is resident now the peak (proc(5)).
		_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
	}
	m.add(&watched{Process: p, before: processors(p.PID())})
}

// AddNew has a program measured from its start.
func (m *Meter) AddNew(p *peers.Process) { m.add(&watched{Process: p}) }

func (m *Meter) add(w *watched) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.watched = append(m.watched, w)
}

func (m *Meter) sample() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, w := range m.watched {
		w.sample()
	}
}

// Stop ends the measurement and returns what each program used, in the order in which they were added. It may be called once.
func (m *Meter) Stop() []Usage {
	all := make([]Usage, len(m.watched))
	for i, w := range m.watched {
		all[i].CPU = w.spent() - w.before
	}
	close(m.stop)
	m.ended.Wait()
	m.sample()
	for i, w := range m.watched {
		all[i].Anon, all[i].RSS = w.used.Anon, w.used.RSS
	}
	return all
}

// spent is the processor time that a program has used so far.
func (w *watched) spent() time.Duration {
	if now := processors(w.PID()); now > 0 && !w.Ended() {
		return now
	}
	// One that has ended is no longer in /proc; the system told its parent.
	<-w.Done()
	used, _ := w.Spent()
	return used
}

// sample looks at the memory of a program and of what it has started.
func (w *watched) sample() {
	var anon, resident int64
	for _, pid := range group(w.PID()) {
		a, r := memory(pid)
		anon, resident = anon+a, resident+r
	}
	w.used.Anon, w.used.RSS = max(w.used.Anon, anon), max(w.used.RSS, resident)
}

// group are the processes of a process group, its leader first. Every program has a group of its own.
func group(leader int) []int {
	all := []int{leader}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		fields := statFields(path)
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if len(fields) > 2 && fields[2] == strconv.Itoa(leader) && pid != leader {
			all = append(all, pid)
		}
	}
	return all
}

// statFields are the fields of /proc/PID/stat behind the name, from field 3 on: state, parent, group. utime, stime and those
// of children that have ended are fields 14 to 17.
func statFields(path string) []string {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	// The name stands in parentheses and may hold anything.
	return strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
}

// processors is how much processor time a program has used so far, with all it has started.
func processors(leader int) time.Duration {
	var ticks int64
	for _, pid := range group(leader) {
		fields := statFields(fmt.Sprintf("/proc/%d/stat", pid))
		for i := 14 - 3; i <= 17-3 && i < len(fields); i++ {
			n, _ := strconv.ParseInt(fields[i], 10, 64)
			ticks += n
		}
	}
	return time.Duration(ticks) * tick
}

// onProcessors is how much processor time a program's threads have used so far, to the nanosecond; those that have ended are not in it.
func onProcessors(leader int) time.Duration {
	var total time.Duration
	for _, pid := range group(leader) {
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/[0-9]*/schedstat", pid))
		for _, path := range threads {
			text, _ := os.ReadFile(path)
			// sched-stats.rst of the kernel: "1) time spent on the cpu (in nanoseconds)".
			spent, _, _ := strings.Cut(string(text), " ")
			n, _ := strconv.ParseInt(spent, 10, 64)
			total += time.Duration(n)
		}
	}
	return total
}

// memory is the anonymous memory of a process now, and its resident memory at most since it was last reset; in bytes.
func memory(pid int) (anon, peak int64) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		var kib int64
		switch name {
		case "RssAnon", "VmHWM":
			kib, _ = strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		}
		if name == "RssAnon" {
			anon = kib << 10
		} else if name == "VmHWM" {
			peak = kib << 10
		}
	}
	return anon, peak
}
