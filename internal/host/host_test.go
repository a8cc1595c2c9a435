package host

import (
	"io/fs"
	"os"
	"runtime"
	"testing"
)

func TestConfinement(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{"no control groups", nil, 0},
		{"version 2, of a service", map[string]string{
			"/proc/self/cgroup": "0::/system.slice/potluck.service\n",
			"/sys/fs/cgroup/system.slice/potluck.service/memory.max": "536870912\n",
			"/sys/fs/cgroup/system.slice/memory.max":                 "max\n",
		}, 536870912},
		{"version 2, the slice around it is smaller", map[string]string{
			"/proc/self/cgroup":             "0::/a/b\n",
			"/sys/fs/cgroup/a/b/memory.max": "536870912\n",
			"/sys/fs/cgroup/a/memory.max":   "268435456\n",
		}, 268435456},
		{"version 2, in a container", map[string]string{
			"/proc/self/cgroup":         "0::/\n",
			"/sys/fs/cgroup/memory.max": "1073741824\n",
		}, 1073741824},
		{"version 1", map[string]string{
			"/proc/self/cgroup":                                      "12:cpu,cpuacct:/x\n5:memory:/docker/abc\nnonsense\n",
			"/sys/fs/cgroup/memory/memory.limit_in_bytes":            "9223372036854771712\n",
			"/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": "1073741824\n",
		}, 1073741824},
		{"no limit", map[string]string{"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "max\n"}, 0},
		{"out of the hierarchy", map[string]string{"/proc/self/cgroup": "0::/../../..\n", "/sys/fs/cgroup/memory.max": "77\n"}, 77},
	}
	for _, tt := range tests {
		got := confinement(func(name string) ([]byte, error) {
			if text, ok := tt.files[name]; ok {
				return []byte(text), nil
			}
			return nil, fs.ErrNotExist
		})
		if got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestLook(t *testing.T) {
	m := Look(os.ReadFile)
	if runtime.GOOS != "linux" {
		t.Skip("needs Linux, where everything can be told")
	}
	if m.Memory < 1<<20 || m.OpenFiles < 8 {
		t.Errorf("this machine has %+v", m)
	}
}
