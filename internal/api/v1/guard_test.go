package v1

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

const testToken = "0123456789abcdef0123456789abcdef"

// Promise 4.7: "The local API refuses a foreign Host, Origin or missing token, on loopback too".
func TestGuard(t *testing.T) {
	bearer := "Bearer " + testToken
	cases := []struct {
		name    string
		host    string
		headers map[string]string
		want    int
	}{
		{"address", "127.0.0.1:7685", map[string]string{"Authorization": bearer}, 200},
		{"name", "localhost:7685", map[string]string{"Authorization": bearer}, 200},
		{"IPv6", "[::1]:7685", map[string]string{"Authorization": bearer}, 200},
		{"lower case scheme", "127.0.0.1:7685", map[string]string{"Authorization": "bearer " + testToken}, 200},
		{"own page", "127.0.0.1:7685", map[string]string{"Authorization": bearer, "Origin": "http://127.0.0.1:7685", "Sec-Fetch-Site": "same-origin"}, 200},
		{"rebound name", "evil.example:7685", map[string]string{"Authorization": bearer}, 403},
		{"name that begins as ours", "localhost.evil.example:7685", map[string]string{"Authorization": bearer}, 403},
		{"address of another machine", "192.168.1.2:7685", map[string]string{"Authorization": bearer}, 403},
		{"wildcard address", "0.0.0.0:7685", map[string]string{"Authorization": bearer}, 403},
		{"other port", "127.0.0.1:80", map[string]string{"Authorization": bearer}, 403},
		{"no port", "127.0.0.1", map[string]string{"Authorization": bearer}, 403},
		{"no host", "", map[string]string{"Authorization": bearer}, 403},
		{"foreign page", "127.0.0.1:7685", map[string]string{"Authorization": bearer, "Origin": "https://evil.example"}, 403},
		{"page on another port of ours", "127.0.0.1:7685", map[string]string{"Authorization": bearer, "Origin": "http://127.0.0.1:80"}, 403},
		{"page without origin", "127.0.0.1:7685", map[string]string{"Authorization": bearer, "Origin": "null"}, 403},
		{"cross-site navigation", "127.0.0.1:7685", map[string]string{"Authorization": bearer, "Sec-Fetch-Site": "cross-site"}, 403},
		{"same site, other origin", "127.0.0.1:7685", map[string]string{"Authorization": bearer, "Sec-Fetch-Site": "same-site"}, 403},
		{"no token", "127.0.0.1:7685", nil, 401},
		{"wrong token", "127.0.0.1:7685", map[string]string{"Authorization": bearer + "0"}, 401},
		{"half a token", "127.0.0.1:7685", map[string]string{"Authorization": bearer[:20]}, 401},
		{"empty token", "127.0.0.1:7685", map[string]string{"Authorization": "Bearer "}, 401},
		{"other scheme", "127.0.0.1:7685", map[string]string{"Authorization": "Basic " + testToken}, 401},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := &guard{token: testToken, port: "7685", next: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Host = c.host
			for k, v := range c.headers {
				r.Header.Set(k, v)
			}
			w := httptest.NewRecorder()
			g.ServeHTTP(w, r)
			if w.Code != c.want {
				t.Errorf("got %d, want %d: %s", w.Code, c.want, w.Body)
			}
			if w.Code == 401 && w.Header().Get("WWW-Authenticate") == "" {
				t.Error("does not say how to authenticate")
			}
			if w.Code != 200 {
				var p Problem
				if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != c.want || p.Exit == 0 || p.Code == "" {
					t.Errorf("got %s, %v", w.Body, err)
				}
			}
		})
	}
}

func TestGuardTwoOrigins(t *testing.T) {
	g := &guard{next: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Host = "localhost"
	r.Header.Add("Origin", "http://localhost")
	r.Header.Add("Origin", "http://evil.example")
	w := httptest.NewRecorder()
	if g.ServeHTTP(w, r); w.Code != http.StatusForbidden {
		t.Errorf("got %d", w.Code)
	}
}

// A client over TCP gets nowhere without the token, whatever the operation.
func TestTCP(t *testing.T) {
	f := newFake()
	s := serverOf(t, f)
	at, err := s.ListenTCP(t.Context(), netip.MustParseAddrPort("127.0.0.1:0"), testToken)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	ask := func(token string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+at.String()+Prefix+"/shutdown", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if got := ask("x"); got != http.StatusUnauthorized || len(f.calls) > 0 {
		t.Errorf("got %d without the token, and %v was done", got, f.calls)
	}
	if got := ask(testToken); got != http.StatusAccepted || len(f.calls) != 1 {
		t.Errorf("got %d with the token, and %v was done", got, f.calls)
	}
	if w := s.ask(http.MethodGet, "/status", ""); !strings.Contains(w.Body.String(), at.String()) {
		t.Errorf("the status does not say where the API is: %s", w.Body)
	}
}

// Promise 4.7: "it refuses to listen publicly without authentication".
func TestRefusesToListen(t *testing.T) {
	s := serverOf(t, newFake())
	for _, c := range []struct{ at, token string }{
		{"0.0.0.0:0", testToken}, {"[::]:0", testToken}, {"192.0.2.1:0", testToken}, {"127.0.0.1:0", ""},
	} {
		if _, err := s.ListenTCP(t.Context(), netip.MustParseAddrPort(c.at), c.token); err == nil {
			t.Errorf("listens at %s with token %q", c.at, c.token)
		}
	}
}
