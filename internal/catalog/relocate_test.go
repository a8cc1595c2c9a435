package catalog

import (
	"errors"
	"reflect"
	"testing"
)

func TestRelocate(t *testing.T) {
	c := newCatalog(t)
	ctx := t.Context()
	r := least()
	id := mustAdd(t, c, r)
	files := manyFiles(3)
	if err := c.SetFiles(ctx, id, files); err != nil {
		t.Fatal(err)
	}
	files[1].Identity = Identity{Size: 5, Inode: 7}
	if err := c.Relocate(ctx, id, "/new", map[int]Identity{1: files[1].Identity}); err != nil {
		t.Fatal(err)
	}
	check := func() {
		t.Helper()
		got, err := c.Get(ctx, id)
		if err != nil || got.Root != "/new" {
			t.Errorf("%q, %v", got.Root, err)
		}
		rows, err := c.Files(ctx, id)
		if err != nil || !reflect.DeepEqual(rows, files) {
			t.Errorf("%v, %v", rows, err)
		}
	}
	check()
	// One step: what cannot be done as a whole is not done at all.
	bad := []error{
		c.Relocate(ctx, id, "/other", map[int]Identity{0: {Size: 9}, 3: {}}),
		c.Relocate(ctx, id, "/other", map[int]Identity{0: {Name: "../a"}}),
		c.Relocate(ctx, id, "", nil),
		c.Relocate(ctx, id, "a\x00", nil),
	}
	for _, err := range bad {
		var invalid *InvalidError
		if !errors.As(err, &invalid) {
			t.Error(err)
		}
	}
	if err := c.Relocate(ctx, "00000000", "/x", nil); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	check()
}
