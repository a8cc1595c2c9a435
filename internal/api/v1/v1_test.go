package v1

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

func TestOperations(t *testing.T) {
	cases := []struct {
		method, path, body string
		status             int
		call               string // what the node was asked
		want               string // part of the answer
	}{
		{"GET", "/objects", "", 200, "", `[{"id":"0badcafe"`},
		{"GET", "/objects/0bad", "", 200, "", `"error":{"code":"disk-full","message":"no room","hint":"make some","exit":7}`},
		{"GET", "/objects/0bad", "", 200, "", `"reach":{"network":"dht","found":true,"seconds":2.5,"nodes":40,"address":"192.0.2.9:7","seeders":3,"checked":"2001-`},
		{"GET", "/objects/ffff", "", 404, "", `"code":"not-found"`},
		{"GET", "/objects/0b", "", 422, "", `"code":"usage"`},
		{"GET", "/objects/0bad/files", "", 200, "", `[{"path":"a/b","size":3,"bytes_done":1,"priority":"normal"}]`},
		{"GET", "/objects/0bad/peers", "", 200, "", `"address":"192.0.2.1:1"`},
		{"GET", "/peers", "", 200, "", `"address":"192.0.2.1:1"`},
		{"GET", "/objects/0bad/info", "", 200, "", `"files":[{"path":"n","size":3}]`},
		{"GET", "/objects/0bad/torrent", "", 200, "", `d4:infodee`},
		{"POST", "/objects/0bad/pause", "", 200, "pause 0bad", `"id":"0badcafe"`},
		{"POST", "/objects/0bad/resume", "", 200, "resume 0bad", `"id":"0badcafe"`},
		{"POST", "/objects/0bad/limit", `{"up":5}`, 200, "limit 0bad 5 -1", `"id":"0badcafe"`},
		{"POST", "/objects/0bad/limit", `{"up":-5}`, 422, "", `"exit":2`},
		{"POST", "/objects/0bad/priorities", `{"files":[{"index":2,"priority":"high"}]}`, 200, "priorities 0bad map[2:high]", `"id":"0badcafe"`},
		{"POST", "/objects/0bad/priorities", `{"files":[{"index":-2,"priority":"high"}]}`, 422, "", `"exit":2`},
		{"POST", "/objects/0bad/priorities", `{"files":[{"index":2,"priority":"higher"}]}`, 422, "", `"exit":2`},
		{"POST", "/objects/0bad/move", `{"dir":"/d"}`, 200, "move 0bad /d", `"id":"0badcafe"`},
		{"POST", "/objects/0bad/move", `{"dir":""}`, 422, "", `"exit":2`},
		{"DELETE", "/objects/0bad", "", 204, "remove 0bad", ""},
		{"DELETE", "/objects/0bad?delete_files=true", "", 204, "remove 0bad and files", ""},
		{"DELETE", "/objects/0bad?delete_file=true", "", 422, "", "delete_file"},
		{"POST", "/objects", `{"link":"magnet:?x","wait":1.5}`, 202, "get", `"id":"0badcafe"`},
		{"POST", "/objects", `{"link":"magnet:?x","unknown":1}`, 422, "", "unknown"},
		{"POST", "/objects", `{"link":1}`, 422, "", "expected string"},
		{"POST", "/objects", `{"link"`, 400, "", `"code":"usage"`},
		{"POST", "/objects", "", 400, "", `"code":"usage"`},
		{"POST", "/objects", `{"wait":-1}`, 422, "", "wait"},
		{"POST", "/shutdown", "", 202, "shutdown", ""},
		{"GET", "/status", "", 200, "", `"objects":{"fetching":1}`},
		{"GET", "/status", "", 200, "", `"external":["192.0.2.9"]`},
		{"GET", "/status", "", 200, "", `"dht":{"nodes":[{"family":"ipv4","id":"ab","external":"192.0.2.9","state":"joined","read_only":true,"known":9,"good":7,"standing":"unreached","standing_at":"2001-09-09T01:46:40Z","strangers":2},` +
			`{"family":"ipv6","id":"cd","state":"alone","known":0,"good":0,"network":5,"standing":"unknown","strangers":0}],"hashes":1,"peers":2,"items":3,` +
			`"refused":{"bad_token":4},"why":"nobody comes","hint":"open the port"}`},
		{"GET", "/openapi.json", "", 200, "", `"openapi":"3.1.0"`},
		{"GET", "/docs", "", 404, "", `"code":"no-such-operation"`},
		{"GET", "/status", "", 200, "", `"limits":{"up":5,"down":0,"until":"2026-01-02T03:04:05Z"},"blocking":{"ranges":2,"lists":[{"path":"/list","ranges":4,"unreadable":1,"error":"gone"}],"dials":3,"accepts":0,"sent":0,"received":0}`},
		{"GET", "/doctor", "", 200, "", `{"reach":"blocked","findings":[{"subject":"IPv4","level":"bad","what":"closed","why":"a router","advice":"open it"}]}`},
		{"PUT", "/status", "", 404, "", `"code":"no-such-operation"`},
	}
	for _, c := range cases {
		t.Run(c.method+" "+c.path+" "+c.body, func(t *testing.T) {
			f := newFake()
			w := serverOf(t, f).ask(c.method, c.path, c.body)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
				t.Errorf("got %d %s\nwant %d with %s", w.Code, w.Body, c.status, c.want)
			}
			if got := strings.Join(f.calls, ", "); got != c.call {
				t.Errorf("the node was asked %q, want %q", got, c.call)
			}
			if ct := w.Header().Get("Content-Type"); c.status >= 400 && ct != problemType {
				t.Errorf("an error of type %q", ct)
			}
			if h := w.Header(); h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("headers %v", h)
			}
		})
	}
}

// What is not known is left out, so that nobody takes it for a number.
func TestUnknownIsLeftOut(t *testing.T) {
	w := serverOf(t, newFake()).ask("GET", "/objects/0bad", "")
	var o map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &o); err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"bytes_wanted", "eta", "path", "done", "infohash_v1"} {
		if v, ok := o[field]; ok {
			t.Errorf("%s is %v", field, v)
		}
	}
	for _, field := range []string{"size", "bytes_done", "down_rate", "ratio", "peers"} {
		if _, ok := o[field]; !ok {
			t.Errorf("%s is left out", field)
		}
	}
	if tr := o["trackers"].([]any)[0].(map[string]any); tr["seeders"] != nil || tr["leechers"] != 3.0 {
		t.Errorf("tracker %v", tr)
	}
}

// Why others do not find a share is told with what to do; without a DHT nothing is told of it.
func TestUnreached(t *testing.T) {
	f := newFake()
	f.dht = potluck.DHT{}
	f.object.Reach = &potluck.Reach{Seeders: -1, Leechers: -1, Why: &potluck.Error{Code: "offline", Message: "this node is offline", Hint: "go online", Exit: 5}}
	s := serverOf(t, f)
	want := `"reach":{"network":"dht","found":false,"nodes":0,"code":"offline","why":"this node is offline","hint":"go online"}`
	if got := s.ask("GET", "/objects/0bad", "").Body.String(); !strings.Contains(got, want) {
		t.Error(got)
	}
	f.object.Reach = nil
	if got := s.ask("GET", "/objects/0bad", "").Body.String() + s.ask("GET", "/status", "").Body.String(); strings.Contains(got, "reach") || strings.Contains(got, "dht") {
		t.Error(got)
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		err    *potluck.Error
		status int
	}{
		{&potluck.Error{Code: "x", Message: "m", Exit: potluck.ExitFailed}, 500},
		{&potluck.Error{Code: potluck.CodeUsage, Message: "m", Exit: potluck.ExitUsage}, 400},
		{&potluck.Error{Code: potluck.CodeAmbiguous, Message: "m", Exit: potluck.ExitUsage}, 409},
		{&potluck.Error{Code: potluck.CodeDiskFull, Message: "m", Hint: "h", Exit: potluck.ExitDisk}, 507},
		{&potluck.Error{Code: "x", Message: "m", Exit: potluck.ExitVerify}, 409},
		{&potluck.Error{Code: "x", Message: "m", Exit: potluck.ExitNobody}, 502},
	} {
		f := newFake()
		f.err = c.err
		w := serverOf(t, f).ask("POST", "/objects", `{"link":"x"}`)
		var p Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		want := Problem{Title: http.StatusText(c.status), Status: c.status, Detail: c.err.Message, Code: c.err.Code, Hint: c.err.Hint, Exit: c.err.Exit}
		if w.Code != c.status || p != want {
			t.Errorf("got %d %+v\nwant %+v", w.Code, p, want)
		}
	}
}

func TestGetRequest(t *testing.T) {
	f := newFake()
	w := serverOf(t, f).ask("POST", "/objects",
		`{"torrent":"ZDQ6aW5mb2RlZQ==","dir":"/d","select":["*.go"],"peers":["h:1"],"trackers":["http://t/announce"],"sequential":true,"wait":2.5}`)
	want := potluck.GetRequest{
		Torrent: []byte("d4:infodee"), Dir: "/d", Select: []string{"*.go"}, Peers: []string{"h:1"}, Trackers: []string{"http://t/announce"},
		Sequential: true, Wait: 2500 * time.Millisecond,
	}
	if w.Code != 202 || !reflect.DeepEqual(f.get, want) {
		t.Errorf("got %d, %+v", w.Code, f.get)
	}
}

func TestOversizedBody(t *testing.T) {
	f := newFake()
	s := serverOf(t, f)
	body := `{"path":"` + strings.Repeat("a", 2<<20) + `"}`
	for path, want := range map[string]int{"/shares": 413, "/objects/0bad/move": 413} {
		if w := s.ask("POST", path, body); w.Code != want || len(f.calls) > 0 {
			t.Errorf("%s: got %d %s", path, w.Code, w.Body)
		}
	}
	// A .torrent file may be large, but not that large.
	r := httptest.NewRequest("POST", Prefix+"/objects", &endless{})
	r.Host, r.ContentLength = "localhost", -1
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	if (&guard{next: s.mux}).ServeHTTP(w, r); w.Code != 413 || len(f.calls) > 0 {
		t.Errorf("got %d", w.Code)
	}
}

// endless is a body without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestShareStream(t *testing.T) {
	f := newFake()
	w := serverOf(t, f).ask("POST", "/shares", `{"path":"/a","format":"v1","private":true,"trackers":["u"]}`)
	got := w.Body.String()
	for _, part := range []string{
		"event: note\ndata: {\"path\":\"a/link\",\"why\":\"a symbolic link\"}\n\n",
		"event: hashing\ndata: {\"done\":1000,\"total\":1000}\n\n",
		"event: object\ndata: {\"id\":\"0badcafe\"",
	} {
		if !strings.Contains(got, part) {
			t.Errorf("got %s\nwithout %s", got, part)
		}
	}
	if f.share.Path != "/a" || f.share.Format != "v1" || !f.share.Private || len(f.share.Trackers) != 1 {
		t.Errorf("shared %+v", f.share)
	}

	f.err = &potluck.Error{Code: "permission", Message: "not yours", Exit: potluck.ExitDisk}
	w = serverOf(t, f).ask("POST", "/shares", `{"path":"/a"}`)
	if want := `"detail":"not yours","code":"permission","exit":7}`; !strings.Contains(w.Body.String(), "event: error\ndata: ") || !strings.Contains(w.Body.String(), want) {
		t.Errorf("got %s", w.Body)
	}
}

func TestVerifyStream(t *testing.T) {
	f := newFake()
	w := serverOf(t, f).ask("POST", "/objects/0bad/verify", "")
	if got := w.Body.String(); !strings.Contains(got, "event: hashing") || !strings.Contains(got, "event: object") || len(f.calls) != 1 || f.calls[0] != "verify 0badcafe" {
		t.Errorf("got %s, %v", got, f.calls)
	}
	w = serverOf(t, f).ask("POST", "/objects/0bad/verify?accept=true", "")
	if got := w.Body.String(); !strings.Contains(got, "event: hashing") || !strings.Contains(got, "event: object") || len(f.calls) != 2 || f.calls[1] != "accept 0badcafe" {
		t.Errorf("got %s, %v", got, f.calls)
	}
	f.calls = f.calls[:1]
	w = serverOf(t, f).ask("POST", "/objects/ffff/verify", "")
	if got := w.Body.String(); !strings.Contains(got, "event: error") || len(f.calls) != 1 {
		t.Errorf("got %s, %v", got, f.calls)
	}
}

func TestEvents(t *testing.T) {
	got := serverOf(t, newFake()).ask("GET", "/events", "").Body.String()
	parts := strings.Split(strings.TrimSuffix(got, "\n\n"), "\n\n")
	if len(parts) != 3 || parts[0] != ": ready" || !strings.HasPrefix(parts[1], `data: {"kind":"state","object":{`) ||
		!strings.HasSuffix(strings.TrimSpace(parts[2]), `"text":"192.0.2.9:1"}`) {
		t.Errorf("got %s", got)
	}
}

// The description must name every operation, and errors as what they are.
func TestDescription(t *testing.T) {
	w := serverOf(t, newFake()).ask("GET", "/openapi.json", "")
	var d struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct{ Content map[string]any }
		}
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	for path, methods := range d.Paths {
		for method, op := range methods {
			if op.Responses["default"].Content[problemType] == nil {
				t.Errorf("%s %s does not say what its errors are: %+v", method, path, op.Responses)
			}
		}
	}
	if len(d.Paths) < 14 || d.Components.Schemas["Problem"] == nil || d.Components.Schemas["ErrorModel"] != nil {
		t.Errorf("%d paths; schemas %v", len(d.Paths), d.Components.Schemas)
	}
}

func TestToken(t *testing.T) {
	disk := vfs.NewMem()
	if err := disk.MkdirAll("/home"); err != nil {
		t.Fatal(err)
	}
	first, err := Token(disk, "/home", strings.NewReader(strings.Repeat("r", tokenBytes)))
	if err != nil || len(first) != 2*tokenBytes {
		t.Fatalf("got %q, %v", first, err)
	}
	info, err := disk.Stat("/home/" + TokenFile)
	if err != nil || info.Mode.Perm() != 0o600 {
		t.Errorf("others may read the token: %v, %v", info.Mode, err)
	}
	second, err := Token(disk, "/home", strings.NewReader(""))
	if err != nil || second != first {
		t.Errorf("got %q, %v", second, err)
	}
}
