package peers

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Process is a child process in a group of its own, whose output goes to a log file. It is killed when the test ends.
type Process struct {
	Name string
	// Log is the file that holds what it wrote.
	Log  string
	cmd  *exec.Cmd
	done chan struct{}
	stop sync.Once
}

// StartProcess starts cmd. What cmd does not send elsewhere of stdout and stderr goes to the log; if the test fails, the
// end of the log is shown.
func StartProcess(t testing.TB, name string, cmd *exec.Cmd) *Process {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), name+".log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if cmd.Stdout == nil {
		cmd.Stdout = log
	}
	if cmd.Stderr == nil {
		cmd.Stderr = log
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	p := &Process{Name: name, Log: log.Name(), cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // the state is in cmd.ProcessState
	}()
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("%s: %v, log ends:\n%s", name, cmd.ProcessState, p.LogTail(2000))
		}
	})
	return p
}

// Program is the process itself, for those that have one.
func (p *Process) Program() *Process { return p }

// Signal sends a signal to the process alone.
func (p *Process) Signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// Stop asks the process to end and kills it if it does not within five seconds.
func (p *Process) Stop() {
	p.stop.Do(func() {
		p.Signal(syscall.SIGTERM)
		select {
		case <-p.done:
		case <-time.After(5 * time.Second):
		}
		p.Kill()
	})
}

// Kill ends the process and whatever it started at once, and waits for it.
func (p *Process) Kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Ended reports whether the process has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// ExitCode is the exit code of an ended process, -1 if a signal ended it.
func (p *Process) ExitCode() int { return p.cmd.ProcessState.ExitCode() }

// Spent is the processor time that an ended process used, with that of all it waited for.
func (p *Process) Spent() (used time.Duration, ended bool) {
	if !p.Ended() {
		return 0, false
	}
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime(), true
}

// PID is the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// LogTail returns the last n bytes of the log.
func (p *Process) LogTail(n int) string {
	b, err := os.ReadFile(p.Log)
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(b[max(0, len(b)-n):]))
}

// problem describes a process that ended before it should.
func (p *Process) problem() string {
	if !p.Ended() {
		return ""
	}
	return fmt.Sprintf("%s has ended: %v: %s", p.Name, p.cmd.ProcessState, p.LogTail(500))
}
