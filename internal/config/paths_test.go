package config

import "testing"

func TestLocate(t *testing.T) {
	cases := []struct {
		name  string
		env   map[string]string
		flags Layer
		want  Paths // zero: an error
	}{
		{"plain", user, nil, Paths{"/home/u/.config/potluck/config.toml", "/home/u/.config/user-dirs.dirs"}},
		{"XDG", with(map[string]string{"XDG_CONFIG_HOME": "/x/"}), nil, Paths{"/x/potluck/config.toml", "/x/user-dirs.dirs"}},
		{"relative XDG", with(map[string]string{"XDG_CONFIG_HOME": "x"}), nil, Paths{"/home/u/.config/potluck/config.toml", "/home/u/.config/user-dirs.dirs"}},
		{"variable", with(map[string]string{"POTLUCK_HOME": "/p"}), nil, Paths{"/p/config.toml", "/home/u/.config/user-dirs.dirs"}},
		{"flag", with(map[string]string{"POTLUCK_HOME": "/p"}), Layer{"home": "q"}, Paths{"q/config.toml", "/home/u/.config/user-dirs.dirs"}},
		{"tilde", with(map[string]string{"POTLUCK_HOME": "~/p"}), nil, Paths{"/home/u/p/config.toml", "/home/u/.config/user-dirs.dirs"}},
		{"nobody with a home", map[string]string{"POTLUCK_HOME": "/p"}, nil, Paths{"/p/config.toml", ""}},
		{"nobody", nil, nil, Paths{}},
		{"relative variable", with(map[string]string{"POTLUCK_HOME": "p"}), nil, Paths{}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := Locate(lookupIn(c.env), c.flags)
			if got != c.want || (err != nil) != (c.want == Paths{}) {
				t.Errorf("got %+v, %v, want %+v", got, err, c.want)
			}
		})
	}
}

func TestHomeFollowsXDG(t *testing.T) {
	for _, c := range []struct{ xdg, want string }{{"/d", "/d/potluck"}, {"d", "/home/u/.local/share/potluck"}, {"", "/home/u/.local/share/potluck"}} {
		got, err := Resolve(Input{Env: lookupIn(with(map[string]string{"XDG_DATA_HOME": c.xdg}))})
		if err != nil || got.Home != c.want {
			t.Errorf("%q: %+v, %v", c.xdg, got, err)
		}
	}
}

func TestDownloadDir(t *testing.T) {
	const fallback = "/home/u/Downloads"
	for userDirs, want := range map[string]string{
		"": fallback,
		"# a comment\nXDG_DESKTOP_DIR=\"$HOME/Desktop\"\nXDG_DOWNLOAD_DIR=\"$HOME/Geladen\"\n": "/home/u/Geladen",
		"  XDG_DOWNLOAD_DIR=\"/mnt/big\"":                            "/mnt/big",
		"XDG_DOWNLOAD_DIR=\"$HOME/a\"\nXDG_DOWNLOAD_DIR=\"$HOME/b\"": "/home/u/b",
		`XDG_DOWNLOAD_DIR="$HOME/\"a\" \$b"`:                         `/home/u/"a" $b`,
		`XDG_DOWNLOAD_DIR="$HOME/"`:                                  fallback,
		`XDG_DOWNLOAD_DIR="$HOMER/x"`:                                fallback,
		`XDG_DOWNLOAD_DIR="Downloads"`:                               fallback,
		`XDG_DOWNLOAD_DIR=/x`:                                        fallback,
		`XDG_DOWNLOAD_DIR="/x`:                                       fallback,
		"#XDG_DOWNLOAD_DIR=\"/x\"":                                   fallback,
		"XDG_DOWNLOAD_DIR=\"/a\x00b\"":                               fallback,
	} {
		c, err := Resolve(Input{Env: lookupIn(user), UserDirs: []byte(userDirs)})
		if err != nil || c.DownloadDir != want {
			t.Errorf("%q: %+v, %v, want %s", userDirs, c, err, want)
		}
	}
	c, err := Resolve(Input{Env: lookupIn(nil), Flags: Layer{"home": "/p"}})
	if err != nil || c.DownloadDir != "" {
		t.Errorf("nobody: %+v, %v", c, err)
	}
}
