package catalog

import (
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestFullDisk: of a full disk the error says where it is and that it is full, and not which step of ours failed.
func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.db")
	c := mustOpen(t, path)
	if _, err := c.writer.Exec("PRAGMA max_page_count = 1"); err != nil { // it is as if there were no room for another
		t.Fatal(err)
	}
	if _, err := c.Add(t.Context(), least()); err != nil {
		t.Fatal(err)
	}
	var err error
	for i := 0; err == nil && i < 1000; i++ {
		err = c.SetSetting(t.Context(), strconv.Itoa(i), strings.Repeat("long ", 100))
	}
	var disk *DiskError
	if !errors.As(err, &disk) || !disk.Full || !strings.Contains(disk.Error(), path+": no space left") {
		t.Errorf("%v", err)
	}
}
