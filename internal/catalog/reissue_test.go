package catalog

import (
	"testing"

	"github.com/potluck-p2p/potluck/internal/content"
)

// A reissue leaves nothing of the old contents, and changes nothing if it is refused.
func TestReissue(t *testing.T) {
	c := newCatalog(t)
	id := mustAdd(t, c, full())
	old := []FileRow{{Path: "a", Size: 10}, {Path: "b", Size: 20}}
	if err := c.SetFiles(t.Context(), id, old); err != nil {
		t.Fatal(err)
	}
	var all content.Ranges
	all.Add(0, 7)
	fresh := Contents{Files: []FileRow{{Path: "c", Size: 7}}, Verified: []content.Ranges{all}}
	for name, change := range map[string]func(*Record){
		"another kind":  func(r *Record) { r.Kind = Shared },
		"a lying hash":  func(r *Record) { r.Info = []byte("de") },
		"a name of two": func(r *Record) { r.Name = "a/b" },
	} {
		if err := c.Reissue(t.Context(), id, change, fresh); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if files, err := c.Files(t.Context(), id); err != nil || len(files) != 2 {
		t.Fatalf("a refused reissue left %v, %v", files, err)
	}
	err := c.Reissue(t.Context(), id, func(r *Record) { r.Info, r.InfoHash, r.Size = []byte("de"), hashesOf("de"), 7 }, fresh)
	if err != nil {
		t.Fatal(err)
	}
	files, err := c.Files(t.Context(), id)
	if err != nil || len(files) != 1 || files[0].Path != "c" {
		t.Errorf("files %v, %v", files, err)
	}
	verified, err := c.Verified(t.Context(), id)
	if err != nil || len(verified) != 1 || !verified[0].Contains(0, 7) {
		t.Errorf("verified %v, %v", verified, err)
	}
	if r, err := c.Get(t.Context(), id); err != nil || string(r.Info) != "de" || r.Size != 7 {
		t.Errorf("record %+v, %v", r, err)
	}
}
