package main

import (
	"fmt"
	"strconv"

	"github.com/potluck-p2p/potluck"
	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
)

// printable makes what came from a stranger safe to show.
func printable(s string) string { return potluck.Printable(s) }

// changed shows an object after a command has changed it.
func (a *app) changed(o v1.Object, err error) error {
	if err != nil {
		return err
	}
	if a.out.json {
		a.out.emit(objectOf(o))
		return nil
	}
	a.out.say("%s %s: %s", o.ID, printable(nameOf(o)), stateOf(o))
	return nil
}

// stateOf is the state of an object, with how far it is and why it does not go on.
func stateOf(o v1.Object) string {
	text := o.State
	if o.State == string(potluck.Fetching) && o.BytesWanted != nil {
		text = percent(o.BytesDone, *o.BytesWanted)
		if o.ETA != nil {
			text += " " + clock(*o.ETA) + " left"
		}
	}
	if o.SuperSeeding {
		text = "super-seeding"
	}
	if o.Queued {
		text = "queued"
	}
	if o.Feed != nil {
		text += ", " + feedText(o.Feed)
	}
	if o.Error != nil {
		text += " (" + printable(o.Error.Message) + ")"
	}
	return text
}

// feedText says which feed it is, and whose.
func feedText(f *v1.Feed) string {
	if f.Followed {
		return "follows " + printable(f.Name)
	}
	return "published as " + printable(f.Name)
}

func sizeOf(n *int64) string {
	if n == nil {
		return "?"
	}
	return size(*n)
}

func ratio(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }

// pieceText is the size of a piece as --piece-size takes it.
func pieceText(n int64) string {
	switch {
	case n%(1<<20) == 0:
		return fmt.Sprintf("%dM", n>>20)
	case n%(1<<10) == 0:
		return fmt.Sprintf("%dK", n>>10)
	}
	return strconv.FormatInt(n, 10)
}
