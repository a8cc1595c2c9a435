package ceiling

import "testing"

func TestOf(t *testing.T) {
	const gib = 1 << 30
	tests := []struct {
		name           string
		machine        Machine
		peers          int
		slots, most    int
		pieces, buffer int64
		why            string
	}{
		{"nothing is known", Machine{}, 200, 8, 100, 32 * mib, 64 * mib, "the usual"},
		{"a small board", Machine{Memory: 256 * mib, OpenFiles: 1 << 20}, 51, 5, 25, 16 * mib, 32 * mib, "for 256 MiB of memory"},
		{"less is hardly worth while", Machine{Memory: 64 * mib}, 50, 5, 25, 8 * mib, 8 * mib, "for 64 MiB of memory"},
		{"1 GiB", Machine{Memory: gib}, 207, 8, 103, 32 * mib, 64 * mib, "for 1.0 GiB of memory"},
		{"4 GiB", Machine{Memory: 4 * gib, OpenFiles: 1 << 20}, 828, 8, 200, 32 * mib, 64 * mib, "for 4.0 GiB of memory"},
		{"a server", Machine{Memory: 512 * gib, OpenFiles: 1 << 20}, 1000, 8, 200, 32 * mib, 64 * mib, "for 512.0 GiB of memory"},
		{"a container on it", Machine{Memory: 512 * mib, Confined: true}, 103, 8, 51, 32 * mib, 64 * mib, "for 512 MiB of memory that it is confined to"},
		{"GOMEMLIMIT", Machine{Memory: 8 * gib, GoLimit: 512 * mib}, 103, 8, 51, 32 * mib, 64 * mib, "for 512 MiB of GOMEMLIMIT"},
		{"GOMEMLIMIT above the memory", Machine{Memory: 512 * mib, GoLimit: 8 * gib}, 103, 8, 51, 32 * mib, 64 * mib, "for 512 MiB of memory"},
		{"few files", Machine{Memory: 8 * gib, OpenFiles: 256}, 128, 8, 64, 32 * mib, 64 * mib, "for 256 open files"},
		{"no files at all", Machine{OpenFiles: 1}, 1, 4, 4, 32 * mib, 64 * mib, "for 1 open files"},
	}
	for _, tt := range tests {
		c := Of(tt.machine)
		if want := (Ceilings{tt.peers, tt.slots, tt.most, tt.pieces, tt.buffer, tt.machine.OpenFiles, tt.why}); c != want {
			t.Errorf("%s: %+v, want %+v", tt.name, c, want)
		}
	}
}
