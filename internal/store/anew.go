package store

import "fmt"

// Anew opens a share with whatever lies under the names of its files now. What is read from it is known to be what was shared
// only once it has been hashed. A file that is gone, has another size or is none is ErrMissing or ErrChanged.
func (o *Object) Anew() (*Object, error) {
	ids := o.Identities()
	for i, f := range o.obj.Files() {
		info, err := o.describe(i)
		switch {
		case notPlain(err), err == nil && (!info.Mode.IsRegular() || info.Size != f.Size):
			return nil, fmt.Errorf("%s: %w", o.full(i), ErrChanged)
		case err != nil:
			return nil, ErrorOf("stat", o.full(i), err)
		}
		ids[i] = IdentityOf(ids[i].Name, info)
	}
	return o.store.OpenShared(o.dir, o.obj, ids), nil
}

// Rest closes the files that are open. They are opened again when they are used.
func (o *Object) Rest() {
	for i := range o.slots {
		o.store.cache.drop(&o.slots[i])
	}
}
