package config

import (
	"errors"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/ceiling"
)

// lookupIn is an environment of the given variables.
func lookupIn(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

var user = map[string]string{"HOME": "/home/u"}

func with(more map[string]string) map[string]string {
	all := maps.Clone(user)
	maps.Copy(all, more)
	return all
}

func TestDefaults(t *testing.T) {
	c, err := Resolve(Input{Env: lookupIn(user)})
	if err != nil {
		t.Fatal(err)
	}
	c.origins = nil
	want := &Config{Home: "/home/u/.local/share/potluck", API: Address{"127.0.0.1", 7685}, DownloadDir: "/home/u/Downloads",
		UTP: true, LargeRequests: true, HolePunching: true, PortMapping: true, DHT: true, DHTRouters: c.DHTRouters, Ratio: 2, FeedPoll: 5 * time.Minute, ActiveFetches: 5}
	if len(c.DHTRouters) < 3 {
		t.Error("the way into the DHT depends on", c.DHTRouters)
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v", c)
	}
}

// Each layer gives what those above it leave.
func TestPrecedence(t *testing.T) {
	file, err := Parse([]byte(`
		listen = "0.0.0.0:1"
		api = "127.0.0.1:1"
		up = "1K"
		down = 1000
		offline = true
		encryption = "require"
		dht_routers = "a.example:1, [::1]:2,"
		ratio = 1.5
		slots = 3
		download_dir = "~/in file"
		schedule = ["Mon-fri 8:00-18:00 up=1M down=0", "22:00-06:00 down=500k"]
		limit_lan = true
		[net]
		block_lists = ["/lists/a", "~/b.gz", "/lists/a"]
		bind = "wg0"
		dns = "10.64.0.1, [2001:db8::1]:5353"
		proxy = "socks5h://me:s%40cret@proxy.example:1080"
	`))
	if err != nil {
		t.Fatal(err)
	}
	c, err := Resolve(Input{
		Env:   lookupIn(with(map[string]string{"POTLUCK_API": "127.0.0.1:2", "POTLUCK_UP": "2K", "POTLUCK_OFFLINE": "0", "POTLUCK_NET_ANONYMOUS": "1", "POTLUCK_SUPER_SEEDING": "1", "POTLUCK_RATIO": ""})),
		Flags: Layer{"up": "3K", "home": "here"},
		File:  file, FileName: "/c.toml", Room: ceiling.Of(ceiling.Machine{Memory: 4 << 30}),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []Setting{
		{"home", "here", Flag, "--home", ""},
		{"listen", "0.0.0.0:1", File, "/c.toml", ""},
		{"api", "127.0.0.1:2", Environment, "POTLUCK_API", ""},
		{"up", "3K", Flag, "--up", ""},
		{"down", "1K", File, "/c.toml", ""},
		{"schedule", "mon-fri 08:00-18:00 up=1M down=0, 22:00-06:00 down=500K", File, "/c.toml", ""},
		{"limit_lan", "true", File, "/c.toml", ""},
		{"offline", "false", Environment, "POTLUCK_OFFLINE", ""},
		{"encryption", "require", File, "/c.toml", ""},
		{"utp", "true", Default, "", ""},
		{"large_requests", "true", Default, "", ""},
		{"net.hole_punching", "true", Default, "", ""},
		{"dht", "true", Default, "", ""},
		{"dht_routers", "a.example:1,[::1]:2", File, "/c.toml", ""},
		{"net.bind", "wg0", File, "/c.toml", ""},
		{"net.port_mapping", "true", Default, "", ""},
		{"net.dns", "10.64.0.1:53,[2001:db8::1]:5353", File, "/c.toml", ""},
		{"net.proxy", "socks5://me:s%40cret@proxy.example:1080", File, "/c.toml", ""},
		{"net.anonymous", "true", Environment, "POTLUCK_NET_ANONYMOUS", ""},
		{"net.block_lists", "/lists/a,/home/u/b.gz", File, "/c.toml", ""},
		{"download_dir", "/home/u/in file", File, "/c.toml", ""},
		{"slots", "3", File, "/c.toml", ""},
		{"max_peers", "auto (828, for 4.0 GiB of memory)", Default, "", ""},
		{"super_seeding", "true", Environment, "POTLUCK_SUPER_SEEDING", ""},
		{"ratio", "1.5", File, "/c.toml", ""},
		{"seed_time", "0", Default, "", ""},
		{"feed_poll", "5m", Default, "", ""},
		{"active_fetches", "5", Default, "", ""},
		{"active_seeds", "0", Default, "", ""},
	}
	got := c.Explain()
	for i := range got {
		if got[i].About == "" {
			t.Errorf("%s is not explained", got[i].Key)
		}
		got[i].About = ""
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if c.Up != 3000 || c.Offline || c.Ratio != 1.5 {
		t.Errorf("got %+v", c)
	}
	if s, err := c.Get("api"); err != nil || s.Value != "127.0.0.1:2" {
		t.Errorf("got %+v, %v", s, err)
	}
	if _, err := c.Get("apo"); err == nil || !strings.Contains(err.Error(), "did you mean api?") {
		t.Errorf("got %v", err)
	}
}

func TestRefuses(t *testing.T) {
	cases := []struct {
		name string
		in   Input
		want string // what the message must say
	}{
		{"overruled value", Input{File: Layer{"up": "fast"}, FileName: "/c.toml", Flags: Layer{"up": "1"}}, "/c.toml"},
		{"variable", Input{Env: lookupIn(with(map[string]string{"POTLUCK_SLOTS": "0"}))}, "POTLUCK_SLOTS"},
		{"unknown flag", Input{Flags: Layer{"slts": "1"}}, "did you mean slots?"},
		{"relative path in file", Input{File: Layer{"download_dir": "x"}}, "absolute"},
		{"relative path in variable", Input{Env: lookupIn(with(map[string]string{"POTLUCK_HOME": "x"}))}, "POTLUCK_HOME"},
		{"empty path", Input{Flags: Layer{"home": ""}}, "empty"},
		{"NUL", Input{Flags: Layer{"home": "/a\x00"}}, "path"},
		{"no home", Input{Env: lookupIn(nil)}, "--home"},
		{"tilde of nobody", Input{Env: lookupIn(nil), Flags: Layer{"home": "~/x"}}, "whole path"},
		{"address", Input{Flags: Layer{"listen": "6881"}}, ":6881"},
		{"rate", Input{Flags: Layer{"down": "5MB"}}, "1.5M"},
		{"bool", Input{Flags: Layer{"offline": "maybe"}}, "neither"},
		{"count", Input{Flags: Layer{"max_peers": "1e3"}}, "number"},
		{"count, or auto", Input{Flags: Layer{"slots": "0"}}, "write auto"},
		{"schedule", Input{Flags: Layer{"schedule": "up=1M, monday up=1K"}}, "entry 2: \"monday\" is not a day"},
		{"schedule without a rate", Input{Flags: Layer{"schedule": "mon"}}, "entry 1, which has no rate"},
		{"rate of a schedule", Input{Flags: Layer{"schedule": "up=1MB"}}, "\"up=1mb\" is not a rate"},
		{"block list", Input{File: Layer{"net.block_lists": "/a,b"}}, "\"b\", which is not an absolute path"},
		{"ratio", Input{Flags: Layer{"ratio": "NaN"}}, "number"},
		{"negative ratio", Input{Flags: Layer{"ratio": "-1"}}, "number"},
		{"time", Input{Flags: Layer{"seed_time": "3"}}, "48h"},
		{"negative time", Input{Flags: Layer{"seed_time": "-3h"}}, "48h"},
		{"period", Input{Flags: Layer{"feed_poll": "0"}}, "1s or more"},
		{"queue", Input{Flags: Layer{"active_seeds": "-1"}}, "from 0"},
		{"router", Input{Flags: Layer{"dht_routers": "a.example:1,b.example"}}, "\"b.example\", which is not HOST:PORT"},
		{"encryption", Input{Flags: Layer{"encryption": "maybe"}}, "none of prefer"},
		{"an interface", Input{Flags: Layer{"net.bind": "a/b"}}, "name of an interface"},
		{"a name server by name", Input{Flags: Layer{"net.dns": "10.0.0.1,dns.example"}}, "\"dns.example\", which is no address"},
		{"a proxy of another kind", Input{Flags: Layer{"net.proxy": "socks4://a:1"}}, "neither socks5 nor http"},
		{"all interfaces", Input{Flags: Layer{"net.bind": "::"}}, "address of an interface"},
		{"endless ratio", Input{Flags: Layer{"ratio": "Inf"}}, "number"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if c.in.Env == nil {
				c.in.Env = lookupIn(user)
			}
			_, err := Resolve(c.in)
			var e *Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q in it", err, c.want)
			}
		})
	}
}

// A password is not told when something else is wrong.
func TestKeepsPasswords(t *testing.T) {
	_, err := Resolve(Input{Env: lookupIn(user), Flags: Layer{"net.proxy": "socks5://me:secret@a"}})
	if err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "no port") {
		t.Error(err)
	}
}

func TestBools(t *testing.T) {
	for text, want := range map[string]bool{"1": true, "yes": true, "ON": true, "true": true, "0": false, "no": false, "off": false, "False": false} {
		c, err := Resolve(Input{Env: lookupIn(with(map[string]string{"POTLUCK_OFFLINE": text}))})
		if err != nil || c.Offline != want {
			t.Errorf("%q: %+v, %v", text, c, err)
		}
	}
}

func TestParseFile(t *testing.T) {
	got, err := Parse([]byte("# mine\nup = '5M'\nslots = 4\nratio = 2.50\noffline = false\n"))
	want := Layer{"up": "5M", "slots": "4", "ratio": "2.5", "offline": "false"}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, text := range []string{"[net]\nbind = 'wg0'\n", "net.bind = 'wg0'", "net = {bind = 'wg0'}", "'net' . \"bind\" = 'wg0'"} {
		if got, err := Parse([]byte(text)); err != nil || !reflect.DeepEqual(got, Layer{"net.bind": "wg0"}) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	if got, err := Parse(nil); err != nil || len(got) != 0 {
		t.Errorf("an empty file: %v, %v", got, err)
	}
	for text, want := range map[string]string{
		"max_pers = 5":                 "did you mean max_peers?",
		"download-dir = '/d'":          "did you mean download_dir?",
		"Listen = ':1'":                "did you mean listen?",
		"donw = '1M'":                  "did you mean down?",
		"[network]\nlisten = ':1'":     "network",
		"colour = 'blue'":              "colour: is not a setting",
		"up = ['1M']":                  "list",
		"up = 2020-01-01":              "date",
		"home = {a = 1}":               "table",
		"net.bind.x = 1":               "table",
		"net = 'wg0'":                  "net: is not a setting",
		"[net]\nbnid = 'wg0'":          "did you mean net.bind?",
		"bind = 'wg0'":                 "did you mean net.bind?",
		"[net]\nup = '1M'":             "did you mean up?",
		"[other]":                      "other: is not a setting",
		"'net.bind' = 1\nnet.bind = 2": "twice",
		"up = '1M'\nup = '2M'":         "line 2",
		"x":                            "line 1",
		"\xff":                         "malformed",
		strings.Repeat("#\n", maxFile): "too large",
	} {
		var e *Error
		if got, err := Parse([]byte(text)); !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30q: %v, %v, want %q", text, got, err, want)
		}
	}
	if _, err := Parse([]byte("colour = 1")); err == nil || strings.Contains(err.Error(), "mean") {
		t.Errorf("a far-fetched suggestion: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("up = '5M'\nslots = 4\n"))
	f.Add([]byte("[a]\nb = [1, {c = 2}]"))
	f.Add([]byte("home = \"\\u0000\""))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := Parse(data)
		if err != nil {
			return
		}
		c, err := Resolve(Input{Env: lookupIn(user), File: l})
		if err != nil {
			return
		}
		// What is explained is what is meant: read back, it gives the same.
		again := make(Layer)
		for _, s := range c.Explain() {
			again[s.Key] = s.Value
		}
		d, err := Resolve(Input{Env: lookupIn(user), Flags: again})
		if err != nil {
			t.Fatal(err)
		}
		c.origins, d.origins = nil, nil
		if !reflect.DeepEqual(c, d) {
			t.Fatalf("%+v became %+v", c, d)
		}
	})
}
