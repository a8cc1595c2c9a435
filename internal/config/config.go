// Package config answers what the user wants: flags before POTLUCK_* in the environment, before the configuration file,
// before defaults, and for every value where it came from. It reads nothing by itself: the environment and the bytes of the
// file are handed in.
//
// The file is TOML. Its keys are those of the table in keys.go; a key it does not know is an error. What stands before the
// dot of a key is a table:
//
//	down = "2M"
//	download_dir = "~/Downloads"
//	ratio = 1.5
//
//	[net]
//	bind = "wg0"
//
// The same key in the environment is upper case behind POTLUCK_, as POTLUCK_NET_BIND; an empty variable counts as unset. A home named by a flag or the environment is a world of its own: its file is config.toml in that home.
package config

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/ceiling"
	"github.com/potluck-p2p/potluck/internal/netx/proxy"
	"github.com/potluck-p2p/potluck/internal/protocol/mse"
	"github.com/potluck-p2p/potluck/internal/schedule"
)

// Config is what the user wants, every value checked.
type Config struct {
	// Home is the folder of potluck's state.
	Home string
	// Listen is where peers reach us. Port 0 with the source Default is the port chosen once and kept, with any other
	// source a port that is free now.
	Listen Address
	// API is where programs and the web page reach a node.
	API Address
	// Up and Down limit what is sent and received.
	Up, Down Rate
	// Schedule are limits for some hours of some days, of which later ones win.
	Schedule []schedule.Entry
	// LimitLAN has the limits hold for the local network too.
	LimitLAN bool
	// Offline asks only addresses and trackers named explicitly.
	Offline bool
	// Encryption says how connections with peers may begin. With those whose key is known it is by TLS, which proves it; what else
	// there is hides them from those who look for BitTorrent, proves nothing and keeps no secret.
	Encryption mse.Policy
	// UTP connects to peers, and has them connect, over uTP where TCP does not get through.
	UTP bool
	// LargeRequests has several neighbouring blocks travel in one message between two potlucks.
	LargeRequests bool
	// HolePunching meets peers whom nobody can connect to by way of a third, and brings others together so.
	HolePunching bool
	// DHT takes part in the distributed table in which peers find each other by info-hash alone.
	DHT bool
	// DHTRouters are HOST:PORT of nodes that are asked for a way into it when no other is known.
	DHTRouters []string
	// Bind is the name of an interface, or an address of one, that everything leaves by; empty is whichever the system takes.
	Bind string
	// PortMapping asks routers to let others in.
	PortMapping bool
	// NameServers are asked by Bind instead of the system's.
	NameServers []netip.AddrPort
	// Proxy is what everything leaves by; the zero Server is none.
	Proxy proxy.Server
	// Anonymous says neither who we are nor where to anybody who need not know.
	Anonymous bool
	// BlockLists are files of addresses to have nothing to do with.
	BlockLists []string
	// DownloadDir is where fetched objects are put. Empty when the user's download folder cannot be told.
	DownloadDir string
	// Slots is how many peers are served at once to begin with, MaxPeers how many are connected at once, over all objects;
	// 0 is as many as the machine has room for.
	Slots, MaxPeers int
	// SuperSeeding gives what is shared to many at once, each a part, as long as nobody else has all of it.
	SuperSeeding bool
	// Ratio is how often an object is given before seeding ends; 0 is no end.
	Ratio float64
	// FeedPoll is how often a feed that is followed is looked up.
	FeedPoll time.Duration
	// SeedTime is how long an object is given before seeding ends; 0 is no end.
	SeedTime time.Duration
	// ActiveFetches and ActiveSeeds are how many objects are fetched and seeded at once; 0 is no limit.
	ActiveFetches, ActiveSeeds int

	origins map[string]origin
	room    ceiling.Ceilings
}

// Source is the layer a value came from, the weakest first.
type Source uint8

const (
	Default Source = iota
	File
	Environment
	Flag
)

func (s Source) String() string {
	return [...]string{"default", "file", "environment", "flag"}[min(s, Flag)]
}

// origin is where exactly a value came from.
type origin struct {
	source Source
	where  string
}

// Setting is a value and where it came from.
type Setting struct {
	Key    string
	Value  string
	Source Source
	// Where is the name of the file with the line, the variable or the flag; empty for a default.
	Where string
	About string
}

// Layer is the values one source gives, as text by key.
type Layer map[string]string

// Input is everything a configuration is made of.
type Input struct {
	Env      func(string) string
	Flags    Layer
	File     Layer          // from Parse
	FileName string         // to name it in errors and explanations
	Lines    map[string]int // of the keys of File, from Lines; may be nil
	// UserDirs is the content of the file of that name in Paths, if it could be read.
	UserDirs []byte
	// Room is what the machine has room for, to explain what "auto" is.
	Room ceiling.Ceilings
}

// Resolve lays the sources over one another, the strongest on top. Every value is checked, one that is overruled too. An
// error is an [*Error].
func Resolve(in Input) (*Config, error) {
	env := make(Layer)
	for _, k := range keys {
		if v := in.Env(k.variable()); v != "" {
			env[k.name] = v
		}
	}
	c := &Config{room: in.Room}
	tilde := userHome(in.Env)
	for _, l := range []struct {
		source Source
		values Layer
	}{{Default, defaults(in.Env, in.UserDirs)}, {File, in.File}, {Environment, env}, {Flag, in.Flags}} {
		for _, name := range slices.Sorted(maps.Keys(l.values)) {
			fileName := in.FileName
			if line := in.Lines[name]; line > 0 {
				fileName = fmt.Sprintf("%s:%d", fileName, line)
			}
			if err := c.set(name, l.values[name], l.source, fileName, tilde); err != nil {
				return nil, err
			}
		}
	}
	if c.Home == "" {
		return nil, &Error{Key: "home", Reason: "cannot tell where your home folder is", Hint: "set POTLUCK_HOME or use --home"}
	}
	return c, nil
}

func (c *Config) set(name, text string, source Source, fileName, tilde string) error {
	k, err := lookup(name)
	if err != nil {
		return err
	}
	o := origin{source, k.where(source, fileName)}
	if reason, hint := k.set(c, value{text, source, tilde}); reason != "" {
		if name == proxyKey {
			text = ""
		}
		return &Error{Key: name, Value: text, Where: o.where, Reason: reason, Hint: hint}
	}
	if c.origins == nil {
		c.origins = make(map[string]origin)
	}
	c.origins[name] = o
	return nil
}

// Explain lists every setting in force and where it came from.
func (c *Config) Explain() []Setting {
	all := make([]Setting, len(keys))
	for i, k := range keys {
		o := c.origins[k.name]
		all[i] = Setting{Key: k.name, Value: k.get(c), Source: o.source, Where: o.where, About: k.about}
	}
	return all
}

// Get returns one setting. A key that does not exist is an [*Error] that names the nearest one.
func (c *Config) Get(key string) (Setting, error) {
	if _, err := lookup(key); err != nil {
		return Setting{}, err
	}
	all := c.Explain()
	return all[slices.IndexFunc(all, func(s Setting) bool { return s.Key == key })], nil
}

// Error says what is wrong with the configuration: the user is to blame.
type Error struct {
	Key    string // empty when the file as a whole is malformed
	Value  string
	Where  string // file, variable or flag; empty when not known
	Reason string
	Hint   string // what to do instead; may be empty
}

func (e *Error) Error() string {
	s := e.Reason
	if e.Value != "" {
		s = fmt.Sprintf("%.100q %s", e.Value, s)
	}
	if e.Key != "" {
		s = e.Key + ": " + s
	}
	if e.Where != "" {
		s += " (in " + e.Where + ")"
	}
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return "config: " + s
}
