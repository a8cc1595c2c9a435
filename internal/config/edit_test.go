package config

import (
	"maps"
	"testing"
)

func TestEdit(t *testing.T) {
	for _, c := range []struct{ name, file, key, value, want string }{
		{"empty file", "", "up", "2M", "up = \"2M\"\n"},
		{"a number", "", "slots", "4", "slots = 4\n"},
		{"no line end", "up = 1", "offline", "true", "up = 1\noffline = true\n"},
		{"in place", "# mine\nup = \"1M\" # at home\ndown = 3\n", "up", "2M", "# mine\nup = \"2M\" # at home\ndown = 3\n"},
		{"last line", "down = 3\nup='1M'", "up", "0", "down = 3\nup=0"},
		{"line ends of Windows", "up = 1\r\ndown = 3\r\n", "up", "2", "up = 2\r\ndown = 3\r\n"},
		{"a comment is none", "#up = 1\n", "up", "2", "#up = 1\nup = 2\n"},
		{"a key in quotes", "\"up\" = 1\n", "up", "2", "\"up\" = 2\n"},
		{"escapes", "", "download_dir", "/a\\b \"c\"\x01ü", "download_dir = \"/a\\\\b \\\"c\\\"\\u0001ü\"\n"},
		{"a hash in a text", "download_dir = \"/a#b\"\n", "download_dir", "/c", "download_dir = \"/c\"\n"},
		{"into its table", "[net]\nanonymous = true # yes\n\n# more\n", "net.bind", "wg0", "[net]\nanonymous = true # yes\nbind = \"wg0\"\n\n# more\n"},
		{"into an empty table", "up = 1\n[net]", "net.bind", "wg0", "up = 1\n[net]\nbind = \"wg0\"\n"},
		{"in a table", "[ net ] # mine\n'bind' = \"wg0\"\n", "net.bind", "", "[ net ] # mine\n'bind' = \"\"\n"},
		{"without a table", "up = 1\n", "net.bind", "wg0", "up = 1\nnet.bind = \"wg0\"\n"},
		{"dotted", "net . \"bind\" = 'wg0'\n", "net.bind", "10.0.0.1", "net . \"bind\" = \"10.0.0.1\"\n"},
		{"above a table", "up = 1\n\n[net]\n", "down", "2", "up = 1\ndown = 2\n\n[net]\n"},
		{"nothing above a table", "[net]\n", "down", "2", "down = 2\n[net]\n"},
		{"not a number to TOML", "", "slots", "007", "slots = \"007\"\n"},
	} {
		got, err := Edit([]byte(c.file), c.key, c.value)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: got %q, %v", c.name, got, err)
		}
	}
}

func TestEditRefuses(t *testing.T) {
	for name, c := range map[string]struct{ file, key string }{
		"a key that is none":  {"", "upp"},
		"a malformed file":    {"up = = 3\n", "up"},
		"a text of two lines": {"download_dir = \"\"\"/a\nb\"\"\"\n", "download_dir"},
		"a line in a text":    {"download_dir = '''/a\nup = 3\n'''\n", "up"},
	} {
		if got, err := Edit([]byte(c.file), c.key, "1"); err == nil {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestWhereInTheFile(t *testing.T) {
	file := []byte("# mine\n\nup = 3\n  ratio = 1\n[net]\n\nbind = 'wg0'\n")
	layer, err := Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Resolve(Input{Env: lookupIn(user), File: layer, FileName: "/c.toml", Lines: Lines(file)})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"up": "/c.toml:3", "ratio": "/c.toml:4", "net.bind": "/c.toml:7", "down": ""} {
		if s, err := c.Get(key); err != nil || s.Where != want {
			t.Errorf("%s: %+v, %v", key, s, err)
		}
	}
}

// Whatever is edited reads as what was asked for, and nothing else has changed.
func FuzzEdit(f *testing.F) {
	f.Add([]byte("# mine\nup = \"1M\" # at home\n"), "up", "2M")
	f.Add([]byte("download_dir = '''\nup = 3\n'''\n"), "up", "x")
	f.Add([]byte("up = 1\n\n[net]\n# mine\nanonymous = true\n"), "net.bind", "wg0")
	f.Add([]byte("\"ratio\" = 1.5\r\n"), "ratio", "\x00\"\\")
	f.Fuzz(func(t *testing.T, file []byte, key, value string) {
		got, err := Edit(file, key, value)
		if err != nil {
			return
		}
		was, _ := Parse(file)
		is, err := Parse(got)
		if err != nil || is[key] != value {
			t.Fatalf("%q became %q, %v", file, got, err)
		}
		delete(was, key)
		delete(is, key)
		if !maps.Equal(was, is) {
			t.Fatalf("%q became %q", file, got)
		}
	})
}
