package urls_test

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/netx/urls"
)

func fetch(t *testing.T, c *urls.Client, url string, maxBody int64) (string, error) {
	t.Helper()
	_, body, err := c.Fetch(t.Context(), urls.Request{Guard: urls.Guard{Purpose: urls.ForWebSeed}, URL: url, MaxBody: maxBody})
	return string(body), err
}

func TestClientBoundsTheBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us, far := w.Host("8.8.4.4"), w.Host("1.1.1.1")
		serve(t, far, "1.1.1.1:80", func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/bomb" {
				rw.Header().Set("Content-Encoding", "gzip")
				z := gzip.NewWriter(rw)
				_, _ = z.Write(make([]byte, 10<<20))
				_ = z.Close()
				return
			}
			_, _ = rw.Write(bytes.Repeat([]byte("x"), 1000))
		})
		c := urls.NewClient(urls.ClientOptions{Network: us})
		defer c.Close()
		if body, err := fetch(t, c, "http://1.1.1.1/", 1000); err != nil || len(body) != 1000 {
			t.Error(len(body), err)
		}
		if body, err := fetch(t, c, "http://1.1.1.1/", 999); !errors.Is(err, urls.ErrTooLarge) || len(body) != 999 {
			t.Error(len(body), err)
		}
		if _, err := fetch(t, c, "http://1.1.1.1/bomb", 1<<20); !errors.Is(err, urls.ErrTooLarge) {
			t.Error("bomb:", err)
		}
	})
}

func TestClientGivesUpOnSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us, far := w.Host("8.8.4.4"), w.Host("1.1.1.1")
		release := make(chan struct{})
		serve(t, far, "1.1.1.1:80", func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/drip" {
				_ = http.NewResponseController(rw).Flush()
			}
			select {
			case <-release:
			case <-r.Context().Done():
			}
		})
		c := urls.NewClient(urls.ClientOptions{Network: us, Timeout: 20 * time.Second})
		defer c.Close()
		start := time.Now()
		for _, url := range []string{"http://1.1.1.1/", "http://1.1.1.1/drip", "http://1.1.1.2/"} {
			if _, err := fetch(t, c, url, 0); err == nil {
				t.Error(url, "succeeded")
			}
		}
		if took := time.Since(start); took > 51*time.Second {
			t.Error("took", took)
		}
		close(release)
	})
}

// The environment of the user does not send our requests through somebody: a proxy is only used when potluck is told.
func TestClientIgnoresTheProxyOfTheEnvironment(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://9.9.9.9:3128")
	t.Setenv("http_proxy", "http://9.9.9.9:3128")
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us, far := w.Host("8.8.4.4"), w.Host("1.1.1.1")
		serve(t, far, "1.1.1.1:80", func(http.ResponseWriter, *http.Request) {})
		c := urls.NewClient(urls.ClientOptions{Network: us})
		defer c.Close()
		if _, err := fetch(t, c, "http://1.1.1.1/", 0); err != nil {
			t.Error(err)
		}
		if d := us.Dials(); len(d) != 1 || d[0] != netip.MustParseAddrPort("1.1.1.1:80") {
			t.Error(d)
		}
	})
}

func TestClientTriesTheNextAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us, far := w.Host("8.8.4.4", "2600::4"), w.Host("1.1.1.1", "2600::1")
		w.Name("two.example", "2600::dead", "1.1.1.1")
		w.Name("six.example", "2600::1")
		serve(t, far, "[::]:80", func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte("ok")) })
		c := urls.NewClient(urls.ClientOptions{Network: us})
		defer c.Close()
		if body, err := fetch(t, c, "http://two.example/", 0); err != nil || body != "ok" {
			t.Error(body, err)
		}
		four := urls.NewClient(urls.ClientOptions{Network: us, Family: netx.IPv4})
		defer four.Close()
		if _, err := fetch(t, four, "http://six.example/", 0); !errors.Is(err, urls.ErrNoAddress) {
			t.Error(err)
		}
	})
}

func TestClientKeepsOnlyPublicConnections(t *testing.T) {
	for _, tt := range []struct {
		url  string
		idle time.Duration
		want int
	}{
		{"http://1.1.1.1/", time.Minute, 1},
		{"http://1.1.1.1/", 0, 2},
		{"http://10.0.0.1/", time.Minute, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := netxtest.NewWorld(1)
			us, far := w.Host("8.8.4.4"), w.Host("1.1.1.1", "10.0.0.1")
			serve(t, far, "0.0.0.0:80", func(http.ResponseWriter, *http.Request) {})
			c := urls.NewClient(urls.ClientOptions{Network: us, Idle: tt.idle})
			for range 2 {
				if _, err := fetch(t, c, tt.url, 0); err != nil {
					t.Error(err)
				}
			}
			if d := us.Dials(); len(d) != tt.want {
				t.Errorf("%s idle %v: dialled %v", tt.url, tt.idle, d)
			}
			c.Close()
		})
	}
}

func TestClientVerifiesTLS(t *testing.T) {
	// The certificate of package httptest is for example.com.
	ts := httptest.NewUnstartedServer(nil)
	ts.StartTLS()
	cert, root := ts.TLS.Certificates[0], ts.Certificate()
	ts.Close()
	roots := x509.NewCertPool()
	roots.AddCert(root)
	for _, tt := range []struct {
		name, url string
		roots     *x509.CertPool
		ok        bool
	}{
		{"good", "https://example.com/", roots, true},
		{"other host", "https://evil.net/", roots, false},
		{"unknown authority", "https://example.com/", x509.NewCertPool(), false},
		{"trusted by the user but unknown", "https://example.com/", nil, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := netxtest.NewWorld(1)
			us, far := w.Host("8.8.4.4"), w.Host("1.1.1.1")
			w.Name("example.com", "1.1.1.1")
			w.Name("evil.net", "1.1.1.1")
			l, err := far.ListenTCP(t.Context(), netip.MustParseAddrPort("1.1.1.1:443"))
			if err != nil {
				t.Fatal(err)
			}
			var served atomic.Int64
			serveOn(t, tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}}),
				func(http.ResponseWriter, *http.Request) { served.Add(1) })
			c := urls.NewClient(urls.ClientOptions{Network: us, Roots: tt.roots})
			defer c.Close()
			_, _, err = c.Fetch(t.Context(), urls.Request{
				Guard: urls.Guard{Purpose: urls.ForTracker, Trusted: true}, URL: tt.url,
			})
			if (err == nil) != tt.ok || (served.Load() == 1) != tt.ok {
				t.Errorf("%s: %v, served %d", tt.name, err, served.Load())
			}
		})
	}
}

// A client without a name sends none, not even that of the Go library.
func TestClientWithoutAName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us, far := w.Host("8.8.4.4"), w.Host("1.1.1.1")
		told := make(chan http.Header, 1)
		serve(t, far, "1.1.1.1:80", func(_ http.ResponseWriter, r *http.Request) { told <- r.Header })
		c := urls.NewClient(urls.ClientOptions{Network: us})
		defer c.Close()
		if _, err := fetch(t, c, "http://1.1.1.1/x", 10); err != nil {
			t.Fatal(err)
		}
		if h := <-told; h["User-Agent"] != nil || h["Referer"] != nil {
			t.Error("told", h)
		}
	})
}

// A redirect that leaves https would show and take from the line what was to be kept from it, whoever named the URL.
func TestClientKeepsToHTTPS(t *testing.T) {
	ts := httptest.NewUnstartedServer(nil)
	ts.StartTLS()
	cert, root := ts.TLS.Certificates[0], ts.Certificate()
	ts.Close()
	roots := x509.NewCertPool()
	roots.AddCert(root)
	for _, tt := range []struct {
		to      string
		purpose urls.Purpose
		trusted bool
		ok      bool
	}{
		{"http://example.com/x", urls.ForTracker, false, false},
		{"http://example.com/x", urls.ForTracker, true, false},
		{"http://example.com/x", urls.ForTorrent, true, false},
		{"http://example.com/x", urls.ForWebSeed, false, false},
		{"https://example.com/x", urls.ForWebSeed, false, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := netxtest.NewWorld(1)
			us, far := w.Host("8.8.4.4"), w.Host("1.1.1.1")
			w.Name("example.com", "1.1.1.1")
			var plain atomic.Int64
			serve(t, far, "1.1.1.1:80", func(http.ResponseWriter, *http.Request) { plain.Add(1) })
			l, err := far.ListenTCP(t.Context(), netip.MustParseAddrPort("1.1.1.1:443"))
			if err != nil {
				t.Fatal(err)
			}
			serveOn(t, tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}}), func(rw http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/x" {
					http.Redirect(rw, r, tt.to, http.StatusFound)
				}
			})
			c := urls.NewClient(urls.ClientOptions{Network: us, Roots: roots})
			defer c.Close()
			_, _, err = c.Fetch(t.Context(), urls.Request{Guard: urls.Guard{Purpose: tt.purpose, Trusted: tt.trusted}, URL: "https://example.com/"})
			var refused *urls.Error
			if (err == nil) != tt.ok || !tt.ok && !errors.As(err, &refused) || plain.Load() != 0 {
				t.Errorf("%+v: %v, asked %d times in the clear", tt, err, plain.Load())
			}
		})
	}
}
