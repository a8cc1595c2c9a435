package v1

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/potluck-p2p/potluck/internal/vfs"
)

// TokenFile is the file of the home that holds the token of the API over TCP. Only the user may read it.
const TokenFile = "api.token"

const (
	tokenBytes = 32
	maxToken   = 1024
)

// Token reads the home's token, and draws one if there is none yet.
func Token(disk vfs.FS, home string, random io.Reader) (string, error) {
	name := filepath.Join(home, TokenFile)
	token, err := readToken(disk, name)
	if !errors.Is(err, fs.ErrNotExist) {
		return token, err
	}
	var b [tokenBytes]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", err
	}
	token = hex.EncodeToString(b[:])
	f, err := disk.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	_, err = f.WriteAt([]byte(token+"\n"), 0)
	return token, errors.Join(err, f.Datasync(), f.Close())
}

func readToken(disk vfs.FS, name string) (string, error) {
	f, err := disk.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.NewSectionReader(f, 0, maxToken))
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(b))
	if len(token) < tokenBytes {
		return "", fmt.Errorf("the token in %s is too short: remove the file to have one drawn", name)
	}
	return token, nil
}
