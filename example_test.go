package potluck_test

import (
	"context"
	"fmt"
	"log"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/potluck-p2p/potluck"
)

// One node shares a file where it lies, another fetches it by the link alone.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "potluck")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "greeting.txt")
	if err := os.WriteFile(file, []byte("hello, whoever has the link\n"), 0o600); err != nil {
		log.Fatal(err)
	}

	// The address is part of the link because it is named here; without one, peers are found by other means.
	here := []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}
	alice, err := potluck.Open(ctx, potluck.Options{Home: filepath.Join(dir, "alice"), Listen: here, Offline: true})
	if err != nil {
		log.Fatal(err)
	}
	defer alice.Close()
	shared, err := alice.Share(ctx, potluck.ShareRequest{Path: file})
	if err != nil {
		log.Fatal(err)
	}

	bob, err := potluck.Open(ctx, potluck.Options{Home: filepath.Join(dir, "bob"), Listen: here, Offline: true})
	if err != nil {
		log.Fatal(err)
	}
	defer bob.Close()
	news := bob.Events(ctx)
	if _, err := bob.Get(ctx, potluck.GetRequest{Link: shared.Link, Dir: filepath.Join(dir, "downloads")}); err != nil {
		log.Fatal(err)
	}
	for e := range news {
		if e.Kind == potluck.EventDone {
			content, err := os.ReadFile(e.Object.Path)
			if err != nil {
				log.Fatal(err)
			}
			fmt.Printf("%s: %s", e.Object.Name, content)
			break
		}
	}
	// Output: greeting.txt: hello, whoever has the link
}
