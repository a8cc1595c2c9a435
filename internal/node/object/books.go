package object

import (
	"cmp"
	"path/filepath"
	"slices"
	"sync"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/protocol/mse"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// Books are the objects of a node: in their order, by their info-hashes, and by the paths that they have or are about to have,
// so that no two objects have one. Whatever is looked up takes the same time in a home of many objects. It is safe for concurrent use.
type Books struct {
	mu      sync.Mutex
	objects []*Object // by place
	all     []*Object // a copy that has been handed out; nil if there is none that is up to date
	scouts  []*Object
	byID    map[string]*Object
	byHash  map[[20]byte]*Object
	byReq2  map[[20]byte][20]byte // the keys of byHash by their mse.Req2
	places  map[string]*Object    // by the path that a fetched object has, or is about to have
	away    map[string]bool       // ids of objects that are being moved to another folder
	lastNum uint64
}

// entries are what the books have an object under.
type entries struct {
	names [][20]byte // in byHash, unless another was there first
	paths []string   // in places
}

// NewBooks makes empty books.
func NewBooks() *Books {
	return &Books{
		byID: make(map[string]*Object), byHash: make(map[[20]byte]*Object), byReq2: make(map[[20]byte][20]byte), places: make(map[string]*Object), away: make(map[string]bool),
	}
}

// Enter enters an object into the books, in the place of another that has been halted if there is one.
func (bs *Books) Enter(o, instead *Object) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	bs.lastNum++
	o.num, o.place = bs.lastNum, bs.lastNum
	if instead != nil {
		bs.strike(instead)
		o.place = instead.place
	}
	at, _ := bs.seat(o)
	bs.objects, bs.all = slices.Insert(bs.objects, at, o), nil
	bs.byID[o.ID] = o
	r := o.Record()
	bs.register(o, r.InfoHash)
	if r.Kind == catalog.Fetched && r.Name != "" {
		bs.reserve(filepath.Join(r.Root, r.Name), o)
	}
	o.booked.Store(true)
	o.Stir()
}

// seat is where in the list an object stands, or would stand.
func (bs *Books) seat(o *Object) (at int, found bool) {
	at, _ = slices.BinarySearchFunc(bs.objects, o.place, func(x *Object, place uint64) int { return cmp.Compare(x.place, place) })
	return at, at < len(bs.objects) && bs.objects[at] == o
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
			o.entries.names = append(o.entries.names, name)
		}
	}
}

// Strike takes an object out of the books.
func (bs *Books) Strike(o *Object) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	bs.strike(o)
}

func (bs *Books) strike(o *Object) {
	for _, name := range o.entries.names {
		if bs.byHash[name] == o {
			delete(bs.byHash, name)
			delete(bs.byReq2, mse.Req2(name))
		}
	}
	bs.giveUpAll(o)
	o.entries = entries{}
	o.booked.Store(false)
	if at, found := bs.seat(o); found {
		bs.objects, bs.all = slices.Delete(bs.objects, at, at+1), nil
		delete(bs.byID, o.ID)
	}
}

// holds reports whether an object is in the books.
func (bs *Books) holds(o *Object) bool {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	return bs.byID[o.ID] == o
}

// All lists the objects in the order they were added. The list is the same for all who ask until the books change: it is only to be
// read.
func (bs *Books) All() []*Object {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	if bs.all == nil {
		bs.all = slices.Clone(bs.objects)
	}
	return bs.all
}

// ByID finds an object by its whole id; nil if there is none.
func (bs *Books) ByID(id string) *Object {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	return bs.byID[id]
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
	o.booked.Store(true)
	o.Stir()
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
	bs.giveUpAll(o)
	bs.reserve(path, o)
	return true
}

func (bs *Books) reserve(path string, o *Object) {
	bs.places[path] = o
	o.entries.paths = append(o.entries.paths, path)
}

func (bs *Books) giveUpAll(o *Object) {
	for _, path := range o.entries.paths {
		if bs.places[path] == o {
			delete(bs.places, path)
		}
	}
	o.entries.paths = nil
}

// ClaimToo reserves one more path for an object; false if another object has it. GiveUp gives it back.
func (bs *Books) ClaimToo(path string, o *Object) bool {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	if other := bs.places[path]; other != nil {
		return other == o
	}
	bs.reserve(path, o)
	return true
}

// GiveUp takes back what ClaimToo reserved.
func (bs *Books) GiveUp(path string, o *Object) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	if bs.places[path] == o {
		delete(bs.places, path)
		o.entries.paths = slices.DeleteFunc(o.entries.paths, func(p string) bool { return p == path })
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
