package config

import (
	"path/filepath"
	"strings"
)

// Paths is where files of the configuration are, for whoever opens them.
type Paths struct {
	// File is the configuration file.
	File string
	// UserDirs is the file that says where the user's own folders are; empty where there is none.
	UserDirs string
}

// Locate tells where to look for the files of the configuration. A home that a flag or the environment names has its
// own configuration file in it.
func Locate(env func(string) string, flags Layer) (Paths, error) {
	var p Paths
	config := configHome(env)
	if config != "" {
		p.UserDirs = filepath.Join(config, "user-dirs.dirs")
	}
	for _, l := range []struct {
		source Source
		text   string
	}{{Flag, flags["home"]}, {Environment, env("POTLUCK_HOME")}} {
		if l.text == "" {
			continue
		}
		var c Config
		if err := c.set("home", l.text, l.source, "", userHome(env)); err != nil {
			return Paths{}, err
		}
		p.File = filepath.Join(c.Home, "config.toml")
		return p, nil
	}
	if config == "" {
		return Paths{}, &Error{Key: "home", Reason: "cannot tell where your home folder is", Hint: "set POTLUCK_HOME or use --home"}
	}
	p.File = filepath.Join(config, "potluck", "config.toml")
	return p, nil
}

// userHome is the user's home folder, or nothing.
func userHome(env func(string) string) string {
	return firstAbsolute(env("HOME"), env("USERPROFILE"))
}

// defaultHome is where the state lies unless the user says otherwise.
func defaultHome(env func(string) string) string {
	data := firstAbsolute(env("XDG_DATA_HOME"), below(env("HOME"), ".local", "share"), env("LOCALAPPDATA"))
	return below(data, "potluck")
}

func configHome(env func(string) string) string {
	return firstAbsolute(env("XDG_CONFIG_HOME"), below(env("HOME"), ".config"), env("APPDATA"))
}

// firstAbsolute is the first path that is one. XDG Base Directory: "If an implementation encounters a relative path in
// any of these variables it should consider the path invalid and ignore it."
func firstAbsolute(paths ...string) string {
	for _, p := range paths {
		if filepath.IsAbs(p) {
			return filepath.Clean(p)
		}
	}
	return ""
}

// below is a path below a folder, or nothing when there is no folder.
func below(dir string, names ...string) string {
	if dir == "" {
		return ""
	}
	return filepath.Join(append([]string{dir}, names...)...)
}

// downloadDir is the user's download folder: the one the desktop knows, else Downloads in the home folder.
func downloadDir(env func(string) string, userDirs []byte) string {
	home := userHome(env)
	if dir := xdgDownload(home, userDirs); dir != "" {
		return dir
	}
	return below(home, "Downloads")
}

// xdgDownload reads user-dirs.dirs, a shell script of lines as XDG_DOWNLOAD_DIR="$HOME/Downloads". A folder that is the home
// folder itself means that the user has none.
func xdgDownload(home string, userDirs []byte) string {
	var dir string
	for line := range strings.Lines(string(userDirs)) {
		v, ok := strings.CutPrefix(strings.TrimSpace(line), "XDG_DOWNLOAD_DIR=")
		if !ok {
			continue
		}
		v, ok = strings.CutPrefix(v, `"`)
		if !ok {
			continue
		}
		if v, ok = strings.CutSuffix(v, `"`); !ok {
			continue
		}
		if rest, ok := strings.CutPrefix(v, "$HOME"); ok && home != "" && (rest == "" || rest[0] == '/') {
			v = home + unescape(rest)
		} else {
			v = unescape(v)
		}
		if dir = firstAbsolute(v); dir == home || strings.ContainsRune(dir, 0) {
			dir = ""
		}
	}
	return dir
}

// unescape takes the backslashes of a double-quoted shell word away.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
