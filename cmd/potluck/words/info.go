package words

import (
	"fmt"
	"strconv"
	"strings"

	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
)

// Info is what is known, a name and a value per row.
func Info(i v1.Info) [][]string {
	var rows [][]string
	add := func(name, value string) {
		if value != "" {
			rows = append(rows, []string{name, value})
		}
	}
	add("Name", printable(i.Name))
	add("Info-hash v1", i.InfoHashV1)
	add("Info-hash v2", i.InfoHashV2)
	if i.Size != nil {
		add("Size", fmt.Sprintf("%s (%d bytes)", Size(*i.Size), *i.Size))
	}
	if i.PieceLength > 0 {
		add("Piece size", PieceSize(i.PieceLength))
	}
	if i.Private {
		add("Private", "yes")
	}
	for n, tier := range i.Trackers {
		add(fmt.Sprintf("Tracker %d", n+1), printable(strings.Join(tier, " ")))
	}
	for _, u := range i.WebSeeds {
		add("Web seed", printable(u))
	}
	if i.Feed != nil {
		add("Feed", Feed(i.Feed)+", version "+strconv.FormatInt(i.Feed.Sequence, 10))
	}
	add("Comment", printable(i.Comment))
	add("Link", printable(i.Link))
	for _, f := range i.Files {
		add("File", Size(f.Size)+"  "+printable(f.Path))
	}
	return rows
}
