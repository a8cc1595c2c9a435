package words

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/potluck-p2p/potluck"
	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
)

// NameOf is what an object is called, as far as that is known.
func NameOf(o v1.Object) string {
	switch {
	case o.Name != "":
		return o.Name
	case o.InfoHashV1 != "":
		return o.InfoHashV1
	}
	return o.InfoHashV2
}

// StateOf is the state of an object, with how far it is and why it does not go on.
func StateOf(o v1.Object) string {
	text := o.State
	if o.State == string(potluck.Fetching) && o.BytesWanted != nil {
		text = Percent(o.BytesDone, *o.BytesWanted)
		if o.ETA != nil {
			text += " " + Clock(*o.ETA) + " left"
		}
	}
	if o.SuperSeeding {
		text = "super-seeding"
	}
	if o.Queued {
		text = "queued"
	}
	if o.Feed != nil {
		text += ", " + Feed(o.Feed)
	}
	if o.Error != nil {
		text += " (" + printable(o.Error.Message) + ")"
	}
	return text
}

// Feed says which feed it is, and whose.
func Feed(f *v1.Feed) string {
	if f.Followed {
		return "follows " + printable(f.Name)
	}
	return "published as " + printable(f.Name)
}

// SizeOf is Size of what may not be known yet.
func SizeOf(n *int64) string {
	if n == nil {
		return "?"
	}
	return Size(*n)
}

// Ratio is how often something was given, for people.
func Ratio(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }

// PieceSize is the size of a piece as --piece-size takes it.
func PieceSize(n int64) string {
	switch {
	case n%(1<<20) == 0:
		return fmt.Sprintf("%dM", n>>20)
	case n%(1<<10) == 0:
		return fmt.Sprintf("%dK", n>>10)
	}
	return strconv.FormatInt(n, 10)
}

// Progress is what is said of an object while it moves.
func Progress(o v1.Object) string {
	var parts []string
	switch o.State {
	case string(potluck.Fetching):
		if o.BytesWanted != nil {
			parts = append(parts, Percent(o.BytesDone, *o.BytesWanted), Size(o.BytesDone)+" of "+Size(*o.BytesWanted))
		}
		parts = append(parts, Rate(o.DownRate))
		if o.ETA != nil {
			parts = append(parts, Clock(*o.ETA)+" left")
		}
	case string(potluck.Resolving):
		parts = append(parts, "asking what it is")
	case string(potluck.Checking):
		parts = append(parts, "checking what is there")
	default:
		parts = append(parts, o.State)
	}
	return strings.Join(append(parts, Counted(o.Peers, "peer")), "  ")
}
