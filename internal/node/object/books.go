package object

import (
	"maps"
	"path/filepath"
	"slices"
	"sync"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/protocol/mse"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// Books are the objects of a node: in their order, by their info-hashes, and by the paths that they have or are about to have,
// so that no two objects have one. It is safe for concurrent use.
type Books struct {
	mu      sync.Mutex
	objects []*Object
	scouts  []*Object
	byHash  map[[20]byte]*Object
	byReq2  map[[20]byte][20]byte // the keys of byHash by their mse.Req2
	places  map[string]*Object    // by the path that a fetched object has, or is about to have
	away    map[string]bool       // ids of objects that are being moved to another folder
	lastNum uint64
}

// NewBooks makes empty books.
func NewBooks() *Books {
	return &Books{
		byHash: make(map[[20]byte]*Object), byReq2: make(map[[20]byte][20]byte), places: make(map[string]*Object), away: make(map[string]bool),
	}
}

// Enter enters an object into the books, in the place of another that has been halted if there is one.
func (bs *Books) Enter(o, instead *Object) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	bs.lastNum++
	o.num = bs.lastNum
	at := len(bs.objects)
	if instead != nil {
		at = bs.strike(instead)
	}
	bs.objects = slices.Insert(bs.objects, at, o)
	r := o.Record()
	bs.register(o, r.InfoHash)
	if r.Kind == catalog.Fetched && r.Name != "" {
		bs.places[filepath.Join(r.Root, r.Name)] = o
	}
}

// addHashes makes an object findable by more info-hashes.
func (bs *Books) addHashes(o *Object, hash metainfo.InfoHash) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	bs.register(o, hash)
}

func (bs *Books) register(o *Object, hash metainfo.InfoHash) {
	for _, name := range hash.Wire() {
		if old := bs.byHash[name]; old == nil || old.scouting != nil && o.scouting == nil {
			bs.byHash[name] = o
			bs.byReq2[mse.Req2(name)] = name
		}
	}
}

// Strike takes an object out of the books.
func (bs *Books) Strike(o *Object) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	bs.strike(o)
}

// strike also says where in the list the object was.
func (bs *Books) strike(o *Object) int {
	maps.DeleteFunc(bs.byHash, func(_ [20]byte, x *Object) bool { return x == o })
	maps.DeleteFunc(bs.byReq2, func(_, name [20]byte) bool { return bs.byHash[name] == nil })
	maps.DeleteFunc(bs.places, func(_ string, x *Object) bool { return x == o })
	at := slices.Index(bs.objects, o)
	if at < 0 {
		return len(bs.objects)
	}
	bs.objects = slices.Delete(bs.objects, at, at+1)
	return at
}

// holds reports whether an object is in the books.
func (bs *Books) holds(o *Object) bool {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	return slices.Contains(bs.objects, o)
}

// All lists the objects in the order they were added.
func (bs *Books) All() []*Object {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	return slices.Clone(bs.objects)
}

// ByID finds an object by its whole id; nil if there is none.
func (bs *Books) ByID(id string) *Object {
	for _, o := range bs.All() {
		if o.ID == id {
			return o
		}
	}
	return nil
}

// Find finds an object by the 20 bytes of a handshake; nil if there is none.
func (bs *Books) Find(name [20]byte) *Object {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	return bs.byHash[name]
}

// FindReq2 looks those 20 bytes up by what stands for them where they are hidden.
func (bs *Books) FindReq2(req2 [20]byte) (name [20]byte, ok bool) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	name, ok = bs.byReq2[req2]
	return name, ok
}

// Holding is the object that has one of the info-hashes; nil if there is none.
func (bs *Books) Holding(hash metainfo.InfoHash) *Object {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	for _, name := range hash.Wire() {
		if o := bs.byHash[name]; o != nil && o.scouting == nil {
			return o
		}
	}
	return nil
}

// Scouts lists those that are under way.
func (bs *Books) Scouts() []*Object {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	return slices.Clone(bs.scouts)
}

// enterScout makes a scout findable, by info-hashes that no object has.
func (bs *Books) enterScout(o *Object) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	bs.scouts = append(bs.scouts, o)
	bs.register(o, o.Record().InfoHash)
}

func (bs *Books) strikeScout(o *Object) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	bs.scouts = slices.DeleteFunc(bs.scouts, func(x *Object) bool { return x == o })
	bs.strike(o)
}

// Claim reserves a path for an object, which gives up the one it had reserved before; false if another object has it.
func (bs *Books) Claim(path string, o *Object) bool {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	if other := bs.places[path]; other != nil {
		return other == o
	}
	maps.DeleteFunc(bs.places, func(_ string, x *Object) bool { return x == o })
	bs.places[path] = o
	return true
}

// ClaimToo reserves one more path for an object; false if another object has it. GiveUp gives it back.
func (bs *Books) ClaimToo(path string, o *Object) bool {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	if other := bs.places[path]; other != nil && other != o {
		return false
	}
	bs.places[path] = o
	return true
}

// GiveUp takes back what ClaimToo reserved.
func (bs *Books) GiveUp(path string, o *Object) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	if bs.places[path] == o {
		delete(bs.places, path)
	}
}

// Depart marks an object as being moved to another folder, until it arrives; false if it is already.
func (bs *Books) Depart(id string) (arrive func(), ok bool) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	if bs.away[id] {
		return nil, false
	}
	bs.away[id] = true
	return sync.OnceFunc(func() {
		bs.mu.Lock()
		defer bs.mu.Unlock()
		delete(bs.away, id)
	}), true
}

// isAway reports whether an object is being moved.
func (bs *Books) isAway(id string) bool {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	return bs.away[id]
}
