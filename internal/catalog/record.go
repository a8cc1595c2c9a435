package catalog

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// Kind says whether an object's bytes are the user's or ours.
type Kind string

const (
	Shared  Kind = "shared"  // lies where the user has it and is never written to
	Fetched Kind = "fetched" // was written by us
)

// State is what an object was doing when it was last heard of.
type State string

const (
	Resolving State = "resolving" // waiting for metadata
	Checking  State = "checking"  // hashing what is on disk
	Fetching  State = "fetching"
	Seeding   State = "seeding"
	Paused    State = "paused"
	Changed   State = "changed" // a file is no longer what was hashed
	Missing   State = "missing" // a file is gone
	Failed    State = "failed"
)

var states = []State{Resolving, Checking, Fetching, Seeding, Paused, Changed, Missing, Failed}

// Record is what is known about one object, but for its files.
type Record struct {
	// ID is 8 hex digits, drawn when the object is added and kept for ever.
	ID    string
	Kind  Kind
	State State
	// Name may be empty while resolving.
	Name string
	// Root is the path of a shared file or folder itself; of a fetched object, the folder it is put in.
	Root string
	// Dir says whether the object is a folder.
	Dir  bool
	Size int64

	InfoHash metainfo.InfoHash
	// Info is the raw info dictionary; nil while resolving.
	Info    []byte
	Private bool

	Trackers [][]string
	WebSeeds []string
	Peers    []string

	// Selected are the patterns of the files wanted; none is all.
	Selected   []string
	Sequential bool
	Comment    string
	// AddedAt and DoneAt are kept to the millisecond, in UTC; the zero time is never.
	AddedAt time.Time
	DoneAt  time.Time

	UploadedBytes   int64
	DownloadedBytes int64
	// Error says why the object failed.
	Error string
	// UpLimit and DownLimit are bytes per second; 0 is none.
	UpLimit   int64
	DownLimit int64
	// Side is where the bytes of unselected files are kept.
	Side string
	// Feed is the one that the object publishes or follows.
	Feed Feed
}

const (
	maxString = 1 << 16 // bytes of one stored string
	maxList   = 1 << 16 // strings of one stored list
)

// validate is asked before a record is stored and after it was read, so that neither a mistake of ours nor a damaged
// file puts a record into the world that cannot be.
func (r *Record) validate() error {
	if !validID(r.ID) {
		return invalid("id", "%q is not 8 hex digits", r.ID)
	}
	if r.Kind != Shared && r.Kind != Fetched {
		return invalid("kind", "%q is unknown", r.Kind)
	}
	if !slices.Contains(states, r.State) {
		return invalid("state", "%q is unknown", r.State)
	}
	if r.Root == "" {
		return invalid("root", "is empty")
	}
	if strings.ContainsAny(r.Name, "/\x00") || r.Name == "." || r.Name == ".." {
		return invalid("name", "%q is not a single component", r.Name)
	}
	for _, f := range []struct{ name, value string }{
		{"name", r.Name}, {"root", r.Root}, {"comment", r.Comment}, {"error", r.Error}, {"side", r.Side},
	} {
		if len(f.value) > maxString || strings.ContainsRune(f.value, 0) {
			return invalid(f.name, "is too long or holds a NUL")
		}
	}
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"size", r.Size}, {"uploaded bytes", r.UploadedBytes}, {"downloaded bytes", r.DownloadedBytes},
		{"upload limit", r.UpLimit}, {"download limit", r.DownLimit},
	} {
		if f.value < 0 {
			return invalid(f.name, "%d is negative", f.value)
		}
	}
	if r.Size > content.MaxObjectSize {
		return invalid("size", "%d is out of bounds", r.Size)
	}
	if err := validList("trackers", r.Trackers...); err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		list []string
	}{{"web seeds", r.WebSeeds}, {"peers", r.Peers}, {"selection", r.Selected}} {
		if err := validList(f.name, f.list); err != nil {
			return err
		}
	}
	if err := r.Feed.validate(); err != nil {
		return err
	}
	return r.validateInfo()
}

// validateInfo holds the info dictionary against the hashes it goes by.
func (r *Record) validateInfo() error {
	if r.Info == nil {
		return nil
	}
	if r.InfoHash.IsZero() {
		return invalid("info", "has no info-hash")
	}
	if h, ok := r.InfoHash.V1(); ok && sha1.Sum(r.Info) != h {
		return invalid("info", "does not hash to %s", h)
	}
	if h, ok := r.InfoHash.V2(); ok && sha256.Sum256(r.Info) != h {
		return invalid("info", "does not hash to %s", h)
	}
	return nil
}

func validID(id string) bool { return len(id) == idLength && isHex(id) }

// isHex reports whether s is lower-case hex digits only.
func isHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }

func validList(field string, lists ...[]string) error {
	n := len(lists)
	for _, list := range lists {
		n += len(list)
		for _, s := range list {
			if s == "" || len(s) > maxString || !utf8.ValidString(s) {
				return invalid(field, "%.100q cannot be kept", s)
			}
		}
	}
	if n > maxList {
		return invalid(field, "%d are too many", n)
	}
	return nil
}

// columns are those of table objects that make a Record, in the order of values and scan.
const columns = `id, kind, state, name, root, dir, size, v1, v2, private, trackers, web_seeds, peers, selected, sequential,
	comment, added, done, uploaded, downloaded, error, up_limit, down_limit, side, feed_role, feed_publisher, feed_salt,
	feed_sequence, feed_value, feed_signature`

// values are the record's columns as they are stored.
func (r *Record) values() []any {
	var v1, v2 []byte
	if h, ok := r.InfoHash.V1(); ok {
		v1 = h[:]
	}
	if h, ok := r.InfoHash.V2(); ok {
		v2 = h[:]
	}
	return append([]any{r.ID, string(r.Kind), string(r.State), r.Name, r.Root, r.Dir, r.Size, v1, v2, r.Private,
		encodeList(r.Trackers), encodeList(r.WebSeeds), encodeList(r.Peers), encodeList(r.Selected), r.Sequential,
		r.Comment, milliseconds(r.AddedAt), milliseconds(r.DoneAt), r.UploadedBytes, r.DownloadedBytes, r.Error,
		r.UpLimit, r.DownLimit, r.Side}, r.Feed.values()...)
}

// scanRecord reads the columns of a record and its raw info dictionary behind them. An error of type [RecordError] is
// about this record alone; any other is about the catalog.
func scanRecord(scan func(...any) error) (Record, error) {
	var r Record
	var v1, v2, publisher, salt []byte
	var trackers, webSeeds, peers, selected string
	var added, done int64
	err := scan(&r.ID, &r.Kind, &r.State, &r.Name, &r.Root, &r.Dir, &r.Size, &v1, &v2, &r.Private,
		&trackers, &webSeeds, &peers, &selected, &r.Sequential, &r.Comment, &added, &done, &r.UploadedBytes,
		&r.DownloadedBytes, &r.Error, &r.UpLimit, &r.DownLimit, &r.Side,
		&r.Feed.Role, &publisher, &salt, &r.Feed.Sequence, &r.Feed.Value, &r.Feed.Signature, &r.Info)
	if err != nil {
		return Record{}, badRow(r.ID, err)
	}
	r.AddedAt, r.DoneAt = instant(added), instant(done)
	if r.InfoHash, err = infoHash(v1, v2); err != nil {
		return r, &RecordError{ID: r.ID, Err: err}
	}
	if err := r.Feed.setNames(publisher, salt); err != nil {
		return r, &RecordError{ID: r.ID, Err: err}
	}
	for _, f := range []struct {
		field, text string
		list        any
	}{
		{"trackers", trackers, &r.Trackers}, {"web seeds", webSeeds, &r.WebSeeds},
		{"peers", peers, &r.Peers}, {"selection", selected, &r.Selected},
	} {
		if f.text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(f.text), f.list); err != nil {
			return r, &RecordError{ID: r.ID, Err: fmt.Errorf("%s: %w", f.field, err)}
		}
	}
	if err := r.validate(); err != nil {
		return r, &RecordError{ID: r.ID, Err: err}
	}
	return r, nil
}

// encodeList writes a list as JSON, and nothing for an empty one.
func encodeList[T string | []string](list []T) string {
	if len(list) == 0 {
		return ""
	}
	b, err := json.Marshal(list)
	if err != nil {
		panic("catalog: a list of strings that is no JSON: " + err.Error())
	}
	return string(b)
}

func infoHash(v1, v2 []byte) (metainfo.InfoHash, error) {
	var h1 *metainfo.HashV1
	var h2 *metainfo.HashV2
	if v1 != nil {
		if len(v1) != len(h1) {
			return metainfo.InfoHash{}, invalid("info-hash", "v1 has %d bytes", len(v1))
		}
		h1 = (*metainfo.HashV1)(v1)
	}
	if v2 != nil {
		if len(v2) != len(h2) {
			return metainfo.InfoHash{}, invalid("info-hash", "v2 has %d bytes", len(v2))
		}
		h2 = (*metainfo.HashV2)(v2)
	}
	return metainfo.NewInfoHash(h1, h2), nil
}

func milliseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
