// Package socket knows where the API's unix sockets are: in the home. Systems allow a socket's path about a hundred bytes,
// so a home that is deeper than that keeps a file with .path behind the socket's name instead, which names a socket in a
// folder of its own below the system's folder for temporary files.
package socket

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

// Name is that of a socket in the home.
type Name string

const (
	// API is where a node answers everybody.
	API Name = "api.sock"
	// Private is where a process that opened the state for itself speaks to its own node. Others do not look here, and wait
	// until it lets go of the home.
	Private Name = "private.sock"
)

const (
	inTemp     = "s"        // the name of a socket outside the home
	prefix     = "potluck-" // of the folder for temporary files
	drawnBytes = 8
)

func (n Name) record() string { return string(n) + ".path" }

// Path is where a node with this home listens, if there is one. A home that names no socket is fs.ErrNotExist.
func Path(disk vfs.FS, home string, name Name) (string, error) {
	path, err := direct(home, name)
	if err != nil || path != "" {
		return path, err
	}
	return recorded(disk, home, name)
}

// direct is the path in the home, or empty if that is too long.
func direct(home string, name Name) (string, error) {
	path, err := filepath.Abs(filepath.Join(home, string(name)))
	if err != nil || len(path) > netx.MaxUnixPath {
		return "", err
	}
	return path, nil
}

// recorded reads where a socket outside the home is.
func recorded(disk vfs.FS, home string, name Name) (string, error) {
	f, err := disk.OpenFile(filepath.Join(home, name.record()), os.O_RDONLY, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.NewSectionReader(f, 0, netx.MaxUnixPath))
	return string(b), err
}

// Listen opens the socket. The caller holds the home's lock, so a socket that is there already is that of a node that did
// not get to close it, and makes way.
func Listen(ctx context.Context, disk vfs.FS, random io.Reader, home string, name Name) (net.Listener, error) {
	root, err := disk.OpenRoot(home)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	path, err := direct(home, name)
	if err != nil {
		return nil, err
	}
	if path != "" {
		if err := removeSocket(root, string(name)); err != nil {
			return nil, err
		}
		return netx.ListenUnix(ctx, path)
	}
	if err := forget(disk, root, home, name); err != nil {
		return nil, err
	}
	return listenOutside(ctx, disk, root, random, home, name)
}

// listenOutside listens in a folder that is made anew. Its name is drawn, so that nobody can have made it before.
func listenOutside(ctx context.Context, disk vfs.FS, root vfs.Root, random io.Reader, home string, name Name) (net.Listener, error) {
	temp := os.TempDir()
	troot, err := disk.OpenRoot(temp)
	if err != nil {
		return nil, err
	}
	defer troot.Close()
	var drawn [drawnBytes]byte
	if _, err := io.ReadFull(random, drawn[:]); err != nil {
		return nil, err
	}
	dir := prefix + hex.EncodeToString(drawn[:])
	path := filepath.Join(temp, dir, inTemp)
	if len(path) > netx.MaxUnixPath {
		return nil, fmt.Errorf("the path of a socket may have %d bytes, and both %s and %s are deeper: choose a shorter home",
			netx.MaxUnixPath, home, temp)
	}
	if err := troot.Mkdir(dir); err != nil {
		return nil, err
	}
	l, err := netx.ListenUnix(ctx, path)
	if err != nil {
		return nil, errors.Join(err, troot.Remove(dir))
	}
	f, err := root.OpenFile(name.record(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		_, err = f.WriteAt([]byte(path), 0)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return nil, errors.Join(err, l.Close(), troot.Remove(dir))
	}
	return &outside{Listener: l, disk: disk, home: home, name: name}, nil
}

// outside is a listener outside the home, which leaves nothing there.
type outside struct {
	net.Listener
	disk vfs.FS
	home string
	name Name
}

func (o *outside) Close() error {
	err := o.Listener.Close()
	root, rootErr := o.disk.OpenRoot(o.home)
	if rootErr != nil {
		return errors.Join(err, rootErr)
	}
	defer root.Close()
	return errors.Join(err, forget(o.disk, root, o.home, o.name))
}

// forget removes the record of a socket outside the home, and what is left of that socket.
func forget(disk vfs.FS, root vfs.Root, home string, name Name) error {
	path, err := recorded(disk, home, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	// A folder that is gone or not ours to remove is no reason not to start.
	if dir := filepath.Dir(path); filepath.Base(path) == inTemp {
		if droot, err := disk.OpenRoot(dir); err == nil {
			_ = removeSocket(droot, inTemp)
			_ = droot.Close()
			if parent, err := disk.OpenRoot(filepath.Dir(dir)); err == nil {
				_ = parent.Remove(filepath.Base(dir))
				_ = parent.Close()
			}
		}
	}
	return root.Remove(name.record())
}

// removeSocket removes a socket, and nothing else that may have its name.
func removeSocket(root vfs.Root, name string) error {
	info, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode.Type()&fs.ModeSocket == 0 {
		return fmt.Errorf("%s of the home is in the way: it is no socket", name)
	}
	return root.Remove(name)
}
