package bench

import (
	"bytes"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// Programs are those that are measured and have no place of their own, by their paths.
type Programs struct {
	Potluck string
	// Floor is bench/floor, Load is bench/load, Anacrolix the driver over anacrolix/torrent; "" if that could not be built.
	Floor, Load, Anacrolix string
}

// Head is the beginning of RESULTS.md: what was measured, how, and on what.
func Head(p Programs, at time.Time) string {
	return fmt.Sprintf(`# potluck beside other clients

Written by `+"`make bench`"+`, last at %s. Whoever takes part in a scenario does its work in turn, A B A B; figures are medians.
Ratios are to the best *other* client, and to the *floor*: a bare pair of programs (`+"`bench/floor`"+`) that sends the files with
sendfile over loopback TCP, receives, hashes and writes them on all processors, with no protocol. It hashes what potluck does: SHA-1
for v1, and for hybrids SHA-256 alone, since each piece is checked once; others may check both. A client that needs more than
%d times what the best needs in the first round is not run again, and one that needs more than %v is not done.

- **wall** runs from the moment the one who fetches is told to begin until it says that it has everything. The others are started
  before and told of the torrent then; potluck is started then, so that its start counts.
- **CPU** is user and system time during the transfer, of both sides together (and of each), per GiB of content: the check with which
  a seed begins does not count. From /proc, in hundredths of a second.
- **anon** is the anonymous memory at its most (sampled every %v), **RSS** the peak of all that was resident, which holds mapped files
  as well; of each side.
- Content is compared byte by byte after each run. Everything lies on tmpfs and goes over loopback, in a network of its own; both
  sides share the machine. Encryption is off unless the scenario says otherwise (for potluck: `+"`POTLUCK_ENCRYPTION=off`"+`).
- Clients are as they come, but: libtorrent fetches with a tick of 50 ms, since it would wait half a second before it connects;
  anacrolix/torrent has 64 MiB for requests, since with its 1 MiB a seed stalls for a minute; aria2 allocates no files ahead; potluck seeds
  without end (%s) and limits local peers as well.

| | |
|---|---|
%s
Where the time goes, and what was tried: [PROFILE.md](PROFILE.md).
`, at.UTC().Format("2006-01-02 15:04 UTC"), farBehind, Limit, sampling, "`POTLUCK_RATIO=0`", pairs(append(machine(), versions(p)...)))
}

// pairs are rows of a table of markdown.
func pairs(rows [][2]string) string {
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %s |\n", r[0], r[1])
	}
	return b.String()
}

// machine says on what it is measured.
func machine() [][2]string {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return [][2]string{
		{"processor", fmt.Sprintf("%s, %d cores", valueOf("/proc/cpuinfo", "model name"), runtime.NumCPU())},
		{"memory", valueOf("/proc/meminfo", "MemTotal")},
		{"system", "Linux " + strings.TrimSpace(string(kernel)) + ", " + strings.Trim(strings.TrimPrefix(lineOf("/etc/os-release", "PRETTY_NAME="), "PRETTY_NAME="), `"`)},
		{"Go", strings.TrimPrefix(runtime.Version(), "go")},
	}
}

// valueOf is the value of the first line of a file of /proc that begins with a name.
func valueOf(path, name string) string {
	_, value, _ := strings.Cut(lineOf(path, name), ":")
	return strings.TrimSpace(value)
}

// lineOf is the first line of a file that begins so.
func lineOf(path, start string) string {
	text, _ := os.ReadFile(path)
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, start) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// versions are those of the clients, as they say them.
func versions(p Programs) [][2]string {
	return [][2]string{
		{"potluck", firstLine(p.Potluck, "version")},
		{"libtorrent", firstLine("/usr/bin/python3", "-c", "import libtorrent; print(libtorrent.__version__, '(python3-libtorrent)')")},
		{"anacrolix/torrent", moduleVersion(p.Anacrolix, "github.com/anacrolix/torrent")},
		{"aria2", firstLine("aria2c", "--version")},
		{"rtorrent", firstLine("rtorrent", "-h")},
		{"transmission", firstLine("transmission-daemon", "--version")},
	}
}

// firstLine is the first line of what a program says.
func firstLine(name string, args ...string) string {
	said, err := exec.Command(name, args...).CombinedOutput()
	line, _, _ := bytes.Cut(bytes.TrimSpace(said), []byte("\n"))
	if len(line) == 0 {
		return fmt.Sprintf("not there: %v", err)
	}
	return string(bytes.TrimSpace(line))
}

// moduleVersion is the version of a module that a program was built with.
func moduleVersion(program, module string) string {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return "not there"
	}
	for _, m := range info.Deps {
		if m.Path == module {
			return m.Version
		}
	}
	return "not there"
}
