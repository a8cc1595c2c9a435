// Command load is a crowd of BitTorrent peers that cost next to nothing, so that who is measured among them has the machine to
// itself: seeds share one mapping of the content, those who fetch throw away what comes, and nobody hashes anything.
//
//	load seed   TORRENT...   answer every request
//	load leech  TORRENT...   ask for everything that the other side has, once, and throw it away
//	load idle   TORRENT...   hold a connection, and want nothing
//	load greedy TORRENT...   ask for more than is given, read late or never, stop in the middle: see greedy.go
//
//	-n N        how many; 1
//	-dial ADDR  whom each of them connects to, from an address of its own, again and again until it is let in
//	-content F  the file that seeds have; all torrents are of it
//	-lacking N  the other side lacks the first N torrents, and the greedy who send it blocks of theirs go there, and nobody else; 0
//	-from IP    the address of the first of them; the others' are that of the one before and 65,536 more
//
// It says "ready" on stdout, and then reads stdin: "go" lets them dial, and each "count" is answered by a line of JSON (see count).
// It ends with stdin. Each TORRENT has one file; of several,
// the peers take one each in turn.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("see the package comment")

func run(args []string) error {
	var c crowd
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	n := flags.Int("n", 1, "how many")
	flags.TextVar(&c.at, "dial", netip.AddrPort{}, "whom to connect to")
	flags.TextVar(&c.from, "from", netip.Addr{}, "the address of the first")
	lacking := flags.Int("lacking", 0, "how many torrents the other side lacks")
	file := flags.String("content", "", "what seeds have")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() < 2 || *lacking < 0 || *lacking >= flags.NArg()-1 {
		return errUsage
	}
	for _, path := range flags.Args()[1:] {
		o, err := load(path)
		if err != nil {
			return err
		}
		c.objects = append(c.objects, o)
	}
	c.of = func(number int) object { return c.objects[number%len(c.objects)] }
	switch role := flags.Arg(0); role {
	case "seed":
		content, err := mapped(*file, c.objects[0].length)
		if err != nil {
			return err
		}
		c.role = func(p *conn, _ int) error { return seed(p, content) }
	case "leech":
		c.role = leech
	case "idle":
		c.role = idle
	case "greedy":
		c.role = greedy
		c.of = func(number int) object { return whereGreedy(number, c.objects, *lacking) }
	default:
		return errUsage
	}
	fmt.Println("ready")
	return c.attend(os.Stdin, os.Stdout, *n)
}

// attend does what stdin says until there is no more: n of them dial when told.
func (c *crowd) attend(in io.Reader, out io.Writer, n int) error {
	answers := json.NewEncoder(out)
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		switch lines.Text() {
		case "go":
			c.dial(n)
		case "count":
			if err := answers.Encode(c.count()); err != nil {
				return err
			}
		default:
			return errUsage
		}
	}
	return lines.Err()
}
