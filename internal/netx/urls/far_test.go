package urls_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/netx/urls"
)

// TestFarNames: behind a proxy a host is dialled by its name. What that leads to nobody here sees, but what can be seen is guarded as
// ever.
func TestFarNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us, host, home := w.Host("8.8.4.4"), w.Host("1.1.1.1"), w.Host("192.168.1.1")
		w.Name("t.example", "1.1.1.1")
		w.Name("router.local", "192.168.1.1")
		w.Name("router", "192.168.1.1")
		w.Name("localhost", "192.168.1.1")
		// What the C library of a proxy makes addresses of.
		numbers := []string{
			"192.168.257", "192.11010305", "3232235777", "0300.0250.1.1", "0xc0.0xa8.1.1", "0xC0.168.0X101", "192.168.1.1.", "192.168.1.01", "192.168.1.0x",
			"127.1", "0177.0.0.1", "0x7f.0.0.1", "127.0.0.1.", "127.0.0.1..", "t.example.1",
		}
		for _, n := range numbers {
			w.Name(n, "192.168.1.1")
		}
		serve(t, host, "1.1.1.1:80", func(rw http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/home":
				http.Redirect(rw, r, "http://192.168.1.1/x", http.StatusFound)
			case "/near":
				http.Redirect(rw, r, "http://router.local/x", http.StatusFound)
			case "/on":
				http.Redirect(rw, r, "http://t.example/announce", http.StatusFound)
			case "/number":
				http.Redirect(rw, r, "http://"+r.URL.Query().Get("to")+"/x", http.StatusFound)
			default:
				_, _ = rw.Write([]byte("hello"))
			}
		})
		serve(t, home, "192.168.1.1:80", func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte("secret")) })
		for _, f := range []netx.Family{netx.AnyFamily, netx.IPv4, netx.IPv6} {
			c := urls.NewClient(urls.ClientOptions{Network: netxtest.Far{Host: us}, Family: f})
			defer c.Close()
			for _, u := range []string{"http://t.example/announce", "http://t.example/on", "http://1.1.1.1/announce"} {
				resp, body, err := c.Fetch(t.Context(), urls.Request{Guard: urls.Guard{Purpose: urls.ForWebSeed}, URL: u})
				if f == netx.IPv6 { // a name stands for both families, and is asked once
					if !errors.Is(err, urls.ErrNoAddress) {
						t.Errorf("%v %s: %v", f, u, err)
					}
					continue
				}
				if err != nil || string(body) != "hello" || resp.Scope != netx.Global {
					t.Errorf("%v %s: %q, %v", f, u, body, err)
					continue
				}
				if literal := u == "http://1.1.1.1/announce"; resp.From.IsValid() != literal {
					t.Errorf("%s: from %v", u, resp.From)
				}
			}
			refused := []string{"http://t.example/home", "http://t.example/near", "http://router/x", "http://localhost/x", "http://a.home.arpa/x", "http://192.168.1.1/x?q"}
			for _, n := range numbers {
				refused = append(refused, "http://"+n+"/x", "http://t.example/number?to="+n)
			}
			for _, u := range refused {
				_, body, err := c.Fetch(t.Context(), urls.Request{Guard: urls.Guard{Purpose: urls.ForWebSeed}, URL: u})
				var refused *urls.Error
				if !errors.As(err, &refused) && f != netx.IPv6 {
					t.Errorf("%s: %q, %v", u, body, err)
				}
			}
		}
		for _, n := range numbers {
			_, err := urls.Guard{Purpose: urls.ForTracker}.Parse("udp://" + n + ":80/announce")
			var refused *urls.Error
			if !errors.As(err, &refused) {
				t.Errorf("udp://%s: %v", n, err)
			}
		}
		for _, name := range []string{"1.example", "0x7f.example", "192.168.1.1.example", "1.0xample", "1.1a"} {
			if _, err := (urls.Guard{Purpose: urls.ForTracker}).Parse("udp://" + name + ":80/announce"); err != nil {
				t.Error("a name:", err)
			}
		}
		// What the user names he may name.
		c := urls.NewClient(urls.ClientOptions{Network: netxtest.Far{Host: us}})
		defer c.Close()
		if _, body, err := c.Fetch(t.Context(), urls.Request{Guard: urls.Guard{Purpose: urls.ForWebSeed, Trusted: true}, URL: "http://router/x"}); string(body) != "secret" {
			t.Error(err)
		}
	})
}
