// Package netns runs a test binary in a network of its own: a network namespace that holds nothing but loopback with the
// addresses 10.99.0.1 to 10.99.0.20 (each real client gets one, since most keep one connection per address), so that no
// packet of a test can leave the machine or meet another program's. The namespace comes with its own processes where the
// kernel allows it: when the test binary ends, however it ends, every client it started ends with it.
//
// Beside these it has addresses that look like those of the internet, for what is not believed of private ones, and those
// of a local network with multicast.
package netns

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

const (
	// Hosts is how many addresses the network has.
	Hosts = 60
	// Publics is how many of them look public.
	Publics = 40
)

// Addr is address n of the network, 1 to Hosts.
func Addr(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, 99, 0, byte(n)}) }

// Public is address n of those that look public, 1 to Publics, each in a network of its own, as those of strangers are: a
// crowd of neighbours is not heeded much by anybody.
func Public(n int) netip.Addr { return netip.AddrFrom4([4]byte{20, byte(n), 0, 1}) }

// Local is address n of the local network, 1 to Hosts. Who leaves it to the system from where to send multicast sends it
// from the first.
func Local(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, 98, 0, byte(n)}) }

// Stranger is one of 4,096 addresses that look public, each in a network of its own: n from 0 on. They are for those who dial.
func Stranger(n int) netip.Addr { return netip.AddrFrom4([4]byte{32 + byte(n>>8), byte(n), 0, 1}) }

// strangers are the networks of all of them.
const strangers = "32.0.0.0/4"

// inside is set in the environment of the test binary once it runs in its own network.
const inside = "POTLUCK_TEST_NETNS"

// missing says why there is no network to test in, "" if there is one.
var missing = "Run was not called"

// Need skips a test that has no network of its own to run in.
func Need(t testing.TB) {
	t.Helper()
	if missing != "" {
		t.Skip("no network namespace: " + missing)
	}
}

// Root reports whether the tests have root's rights over all users, and not only in a user namespace.
func Root() bool {
	users, err := os.ReadFile("/proc/self/uid_map")
	return err == nil && os.Getuid() == 0 && strings.Contains(string(users), "4294967295")
}

// Run runs the tests of m in a network of their own and returns the exit code; call it from TestMain. prepare, if not nil,
// runs before, while the real network is still there, and returns environment for the tests ("NAME=value").
func Run(m *testing.M, prepare func() ([]string, error)) int {
	if os.Getenv(inside) != "" {
		missing = setUp()
		return m.Run()
	}
	env := []string{inside + "=1"}
	if prepare != nil {
		more, err := prepare()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		env = append(env, more...)
	}
	code, err := runInside(env)
	if err == nil {
		return code
	}
	missing = err.Error()
	return m.Run()
}

// ways are the sets of namespaces to try, best first: with root's rights, then as the user who only has a user namespace.
func ways() []*syscall.SysProcAttr {
	full := uintptr(syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWNS)
	asRoot := func(id int) []syscall.SysProcIDMap { return []syscall.SysProcIDMap{{HostID: id, Size: 1}} }
	user := func(flags uintptr) *syscall.SysProcAttr {
		return &syscall.SysProcAttr{Cloneflags: flags | syscall.CLONE_NEWUSER,
			UidMappings: asRoot(os.Getuid()), GidMappings: asRoot(os.Getgid())}
	}
	return []*syscall.SysProcAttr{
		{Cloneflags: full}, {Cloneflags: syscall.CLONE_NEWNET}, user(full), user(syscall.CLONE_NEWNET),
	}
}

// runInside runs this binary again with the same arguments in new namespaces. An error means that it could not start.
func runInside(env []string) (code int, err error) {
	// The child dies with the thread that started it (Pdeathsig), so that thread must stay.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var cmd *exec.Cmd
	for _, attr := range ways() {
		cmd = exec.Command("/proc/self/exe", os.Args[1:]...)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		cmd.Env = append(os.Environ(), env...)
		cmd.SysProcAttr = attr
		attr.Pdeathsig = syscall.SIGKILL
		if err = cmd.Start(); err == nil {
			break
		}
	}
	if err != nil {
		return 0, err
	}
	// What ends this process ends the tests; on SIGQUIT they first say where they hang.
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT)
	go func() {
		for s := range signals {
			cmd.Process.Signal(s)
		}
	}()
	err = cmd.Wait()
	signal.Stop(signals)
	close(signals)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, err)
		return 1, nil
	}
	return max(cmd.ProcessState.ExitCode(), boolToInt(err != nil)), nil
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// setUp gives the new network its addresses, and says what is missing if it cannot.
func setUp() string {
	if os.Getpid() == 1 {
		// A new process namespace wants its own /proc; without it only tools that look at other processes suffer.
		if syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "") == nil {
			_ = syscall.Mount("proc", "/proc", "proc", 0, "")
		}
	}
	lines := []string{"link set lo up"}
	for n := 1; n <= Hosts; n++ {
		lines = append(lines, fmt.Sprintf("addr add %v/32 dev lo", Addr(n)), fmt.Sprintf("addr add %v/24 dev lo", Local(n)))
	}
	for n := 1; n <= Publics; n++ {
		lines = append(lines, fmt.Sprintf("addr add %v/32 dev lo", Public(n)))
	}
	lines = append(lines, "route add local "+strangers+" dev lo")
	return configure(append(lines, fmt.Sprintf("route add 224.0.0.0/4 dev lo src %v", Local(1))))
}

// configure gives commands to ip, and says what is missing if one cannot be obeyed.
func configure(lines []string) string {
	ip, err := exec.LookPath("ip")
	if err != nil {
		ip = "/usr/sbin/ip"
	}
	cmd := exec.Command(ip, "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Sprintf("ip (Debian package iproute2): %v %s", err, out)
	}
	return ""
}
