package bench

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/peers"
)

const (
	idlers = 2000
	// crowded is how many files they come for, 50 for each: one object has 80 peers at most with potluck.
	crowded = 40
	// perPeer is the anonymous memory of the program for each of those who stay.
	perPeer, stay = "KiB a peer", "peers"
)

// IdlePeers is having many peers who want nothing.
func IdlePeers(p Programs) Scenario {
	return Scenario{
		Name: "idle-peers", Title: fmt.Sprintf("%d idle peers", idlers), By: perPeer, Rounds: 2,
		About: fmt.Sprintf("A client seeds %d files of 1 MiB, since potluck has no use for more than 80 peers at one. %d synthetic peers connect to it, each from a network of its own, speak the fast extension "+
			"and BEP 10, have nothing, want nothing, and stay. *%s* is the anonymous memory of the client %v after all were there, less what it "+
			"was just before they came; the kernel's sockets are not in it. The share of a core is taken over the %v that follow. "+
			"Whoever has not let all in within %v is measured with those that it has.", crowded, idlers, perPeer, settling, watching, lettingIn),
		Prepare: func(t *testing.T) []Contender {
			files, torrents := manyFiles(t, crowded)
			goals := []Goal{AtLeast(idlers, stay, Absolute), AtMost(64, perPeer, Absolute), AtMost(1, perPeer, OfOthers), AtMost(1, idleShare, OfOthers)}
			return []Contender{
				{Name: "potluck", Kind: Ours, Goals: goals, Run: visited(p, torrents, Potluck{p.Potluck, []string{"POTLUCK_MAX_PEERS=" + fmt.Sprint(2*idlers)}}.seeds(files, torrents))},
				{Name: "libtorrent", Kind: Other, Run: visited(p, torrents, libtorrentSeeds(files, torrents))},
			}
		},
	}
}

// manyFiles makes files of a MiB, and a torrent of each.
func manyFiles(t *testing.T, n int) (dir string, torrents []string) {
	t.Helper()
	dir, made := t.TempDir(), t.TempDir()
	for i := range n {
		name := fmt.Sprintf("%02d", i)
		file := peers.WriteFile(t, filepath.Join(dir, name), uint64(i), 1<<20)
		torrents = append(torrents, filepath.Join(made, name))
		peers.Make(t, file, torrents[i], peers.MakeOptions{Format: peers.V1, PieceSize: 64 << 10})
	}
	return dir, torrents
}

// seeder starts a program that seeds, where others find it.
type seeder func(t *testing.T, m *Meter, at string) (*peers.Process, error)

// visited is how a program is measured to which many connect.
func visited(p Programs, torrents []string, seed seeder) func(t *testing.T) (Run, error) {
	return func(t *testing.T) (Run, error) {
		at := peers.Address()
		m := Watch()
		run, err := func() (Run, error) {
			process, err := seed(t, m, at.String())
			if err != nil {
				return Run{}, err
			}
			crowd := NewCrowd(t, p, idlers, 0, at, append([]string{"idle"}, torrents...)...)
			time.Sleep(settling)
			alone, _ := memory(process.PID())
			crowd.Go(t)
			began := time.Now()
			crowd.AwaitConnected(t, idlers)
			took := time.Since(began)
			share := idleness(process)
			visited, _ := memory(process.PID())
			stayed := crowd.Count(t).Connected
			if stayed == 0 {
				return Run{}, errors.New("nobody was let in")
			}
			return Run{Figures: []Figure{
				{stay, float64(stayed)}, {"let in s", took.Seconds()}, {perPeer, float64(visited-alone) / 1024 / float64(stayed)}, {idleShare, share},
			}}, nil
		}()
		run.Sides = m.Stop()
		return run, err
	}
}

// seeds is potluck with what is in a folder.
func (p Potluck) seeds(dir string, torrents []string) seeder {
	return func(t *testing.T, m *Meter, at string) (*peers.Process, error) {
		n, err := p.up(t, m, filepath.Join(t.TempDir(), "home"), at)
		if err != nil {
			return nil, err
		}
		for _, torrent := range torrents {
			if err := n.fetch(torrent, dir); err != nil {
				return nil, err
			}
		}
		return n.Process, n.await(func(s nodeStatus) bool { return s.Objects["seeding"] == len(torrents) })
	}
}

// libtorrentSeeds is libtorrent with what is in a folder.
func libtorrentSeeds(dir string, torrents []string) seeder {
	return func(t *testing.T, m *Meter, at string) (*peers.Process, error) {
		return libtorrentUp(t, m, append([]string{"seed", at, dir}, torrents...)...)
	}
}
