package config

import (
	"fmt"
	"math"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/mse"
)

// value is a text on its way to becoming a setting.
type value struct {
	text   string
	source Source
	tilde  string // what ~ stands for; empty when not known
}

// key is one thing that can be configured. set answers with a reason, and perhaps a hint, when a text cannot be.
type key struct {
	name  string
	about string
	set   func(*Config, value) (reason, hint string)
	get   func(*Config) string
}

// keys is everything that can be configured, in the order it is explained.
var keys = []key{
	{"home", "folder of potluck's state",
		func(c *Config, v value) (string, string) { return setPath(&c.Home, v) },
		func(c *Config) string { return c.Home }},
	{"listen", "HOST:PORT for peers; port 0 is chosen free",
		func(c *Config, v value) (string, string) { return setAddress(&c.Listen, v) },
		func(c *Config) string { return c.Listen.String() }},
	{"api", "HOST:PORT for programs and the web page",
		func(c *Config, v value) (string, string) { return setAddress(&c.API, v) },
		func(c *Config) string { return c.API.String() }},
	{"up", "most bytes per second to send, with K, M, G; 0 is no limit",
		func(c *Config, v value) (string, string) { return setRate(&c.Up, v) },
		func(c *Config) string { return c.Up.String() }},
	{"down", "most bytes per second to receive, with K, M, G; 0 is no limit",
		func(c *Config, v value) (string, string) { return setRate(&c.Down, v) },
		func(c *Config) string { return c.Down.String() }},
	{"schedule", "limits for some hours of some days, as mon-fri 08:00-18:00 up=1M down=5M, with commas between; of those that hold the last counts",
		func(c *Config, v value) (string, string) { return setSchedule(&c.Schedule, v) },
		func(c *Config) string { return scheduleText(c.Schedule) }},
	{"limit_lan", "limit also what goes to and comes from the local network",
		func(c *Config, v value) (string, string) { return setBool(&c.LimitLAN, v) },
		func(c *Config) string { return strconv.FormatBool(c.LimitLAN) }},
	{"offline", "use only addresses and trackers that were named",
		func(c *Config, v value) (string, string) { return setBool(&c.Offline, v) },
		func(c *Config) string { return strconv.FormatBool(c.Offline) }},
	{"encryption", "of connections with peers: prefer, require (at least hidden), authenticated (by TLS, where both ends prove their keys) or off",
		func(c *Config, v value) (string, string) { return setPolicy(&c.Encryption, v) },
		func(c *Config) string { return c.Encryption.String() }},
	{"utp", "speak with peers over UDP as well, for whom TCP does not reach",
		func(c *Config, v value) (string, string) { return setBool(&c.UTP, v) },
		func(c *Config) string { return strconv.FormatBool(c.UTP) }},
	{"large_requests", "ask another potluck for up to 256 KiB at once, instead of 16 KiB as everybody else",
		func(c *Config, v value) (string, string) { return setBool(&c.LargeRequests, v) },
		func(c *Config) string { return strconv.FormatBool(c.LargeRequests) }},
	{"net.hole_punching", "meet peers behind routers that let nobody in, through a third peer, and bring others together so; needs utp",
		func(c *Config, v value) (string, string) { return setBool(&c.HolePunching, v) },
		func(c *Config) string { return strconv.FormatBool(c.HolePunching) }},
	{"dht", "find peers, and be found, by info-hash alone, in the distributed hash table",
		func(c *Config, v value) (string, string) { return setBool(&c.DHT, v) },
		func(c *Config) string { return strconv.FormatBool(c.DHT) }},
	{"dht_routers", "HOST:PORT of nodes that are asked for a way into the DHT when no other is known, with commas between",
		func(c *Config, v value) (string, string) { return setHosts(&c.DHTRouters, v) },
		func(c *Config) string { return strings.Join(c.DHTRouters, ",") }},
	{"net.bind", "interface or address that everything leaves by, as wg0 or 10.8.0.2; without it nothing does",
		func(c *Config, v value) (string, string) { return setInterface(&c.Bind, v) },
		func(c *Config) string { return c.Bind }},
	{"net.port_mapping", "have the router let others in, by PCP, NAT-PMP or UPnP",
		func(c *Config, v value) (string, string) { return setBool(&c.PortMapping, v) },
		func(c *Config) string { return strconv.FormatBool(c.PortMapping) }},
	{"net.dns", "name servers that are asked by net.bind instead of the system's, with commas between",
		func(c *Config, v value) (string, string) { return setNameServers(&c.NameServers, v) },
		func(c *Config) string { return nameServersText(c.NameServers) }},
	{proxyKey, "socks5://[USER:PASSWORD@]HOST:PORT or http://..., by which everything leaves; without it nothing does",
		func(c *Config, v value) (string, string) { return setProxy(&c.Proxy, v) },
		func(c *Config) string { return c.Proxy.URL() }},
	{"net.anonymous", "tell peers and trackers neither what program this is nor what addresses it has",
		func(c *Config, v value) (string, string) { return setBool(&c.Anonymous, v) },
		func(c *Config) string { return strconv.FormatBool(c.Anonymous) }},
	{"net.block_lists", "files of addresses to have nothing to do with, in CIDR, P2P or DAT format, with commas between",
		func(c *Config, v value) (string, string) { return setPaths(&c.BlockLists, v) },
		func(c *Config) string { return strings.Join(c.BlockLists, ",") }},
	{"download_dir", "folder that fetched objects are put in",
		func(c *Config, v value) (string, string) { return setPath(&c.DownloadDir, v) },
		func(c *Config) string { return c.DownloadDir }},
	{"slots", "peers served at once to begin with; more if the line has room for them",
		func(c *Config, v value) (string, string) { return setCeiling(&c.Slots, v, 1000) },
		func(c *Config) string { return ceilingText(c.Slots, c.room.Slots, c.room.Why) }},
	{"max_peers", "peers connected at once, over all objects",
		func(c *Config, v value) (string, string) { return setCeiling(&c.MaxPeers, v, 100_000) },
		func(c *Config) string { return ceilingText(c.MaxPeers, c.room.Peers, c.room.Why) }},
	{"super_seeding", "give what is shared to many at once, each a part, as long as nobody else has all of it (BEP 16)",
		func(c *Config, v value) (string, string) { return setBool(&c.SuperSeeding, v) },
		func(c *Config) string { return strconv.FormatBool(c.SuperSeeding) }},
	{"ratio", "times a fetched object is given before seeding ends; 0 is no end",
		func(c *Config, v value) (string, string) { return setRatio(&c.Ratio, v) },
		func(c *Config) string { return strconv.FormatFloat(c.Ratio, 'f', -1, 64) }},
	{"seed_time", "how long a fetched object is given, as 90m or 48h; 0 is no end",
		func(c *Config, v value) (string, string) { return setDuration(&c.SeedTime, v) },
		func(c *Config) string { return durationText(c.SeedTime) }},
	{"feed_poll", "how often a feed that is followed is looked up, as 90s or 5m",
		func(c *Config, v value) (string, string) { return setPeriod(&c.FeedPoll, v) },
		func(c *Config) string { return durationText(c.FeedPoll) }},
	{"active_fetches", "objects fetched at once, the others wait; 0 is no limit",
		func(c *Config, v value) (string, string) { return setNumber(&c.ActiveFetches, v, 0, 100_000) },
		func(c *Config) string { return strconv.Itoa(c.ActiveFetches) }},
	{"active_seeds", "objects seeded at once, the others wait; 0 is no limit",
		func(c *Config, v value) (string, string) { return setNumber(&c.ActiveSeeds, v, 0, 100_000) },
		func(c *Config) string { return strconv.Itoa(c.ActiveSeeds) }},
}

// defaults are the weakest layer.
func defaults(env func(string) string, userDirs []byte) Layer {
	l := Layer{
		"listen": ":0", "api": "127.0.0.1:7685", "net.port_mapping": "true", "net.anonymous": "false", "up": "0", "down": "0", "offline": "false", "encryption": "prefer", "slots": "auto",
		"utp": "true", "large_requests": "true", "net.hole_punching": "true", "dht": "true", "dht_routers": "dht.libtorrent.org:25401,router.bittorrent.com:6881,router.utorrent.com:6881,dht.transmissionbt.com:6881",
		"max_peers": "auto", "limit_lan": "false", "super_seeding": "false", "ratio": "2", "seed_time": "0", "feed_poll": "5m", "active_fetches": "5", "active_seeds": "0",
	}
	if home := defaultHome(env); home != "" {
		l["home"] = home
	}
	if dir := downloadDir(env, userDirs); dir != "" {
		l["download_dir"] = dir
	}
	return l
}

func (k key) variable() string {
	return "POTLUCK_" + strings.ToUpper(strings.ReplaceAll(k.name, ".", "_"))
}

// where names the exact place a value of this key came from.
func (k key) where(s Source, fileName string) string {
	switch s {
	case File:
		return fileName
	case Environment:
		return k.variable()
	case Flag:
		return "--" + strings.NewReplacer("_", "-", ".", "-").Replace(k.name)
	}
	return ""
}

func isKey(name string) bool {
	return slices.ContainsFunc(keys, func(k key) bool { return k.name == name })
}

// isTable reports whether there are keys in the table of that name.
func isTable(name string) bool {
	return slices.ContainsFunc(keys, func(k key) bool { return strings.HasPrefix(k.name, name+".") })
}

func lookup(name string) (key, error) {
	for _, k := range keys {
		if k.name == name {
			return k, nil
		}
	}
	e := &Error{Key: name, Reason: "is not a setting", Hint: "potluck config explain lists all"}
	if near := nearest(name); near != "" {
		e.Hint = "did you mean " + near + "?"
	}
	return key{}, e
}

func setPath(to *string, v value) (reason, hint string) {
	path := v.text
	if path == "~" || strings.HasPrefix(path, "~/") {
		if v.tilde == "" {
			return "cannot be told: your home folder is not known", "write the whole path"
		}
		path = filepath.Join(v.tilde, path[1:])
	}
	if path == "" {
		return "is empty", ""
	}
	if strings.ContainsRune(path, 0) {
		return "is not a path", ""
	}
	// A flag is meant from where the user stands. A file or a variable is read from anywhere, so there it would mean
	// another folder each time.
	if v.source != Flag && !filepath.IsAbs(path) {
		return "is not an absolute path", "write the whole path, or one that begins with ~/"
	}
	*to = filepath.Clean(path)
	return "", ""
}

func setAddress(to *Address, v value) (reason, hint string) {
	*to, reason, hint = parseAddress(v.text)
	return reason, hint
}

func setRate(to *Rate, v value) (reason, hint string) {
	*to, reason, hint = parseRate(v.text)
	return reason, hint
}

func setBool(to *bool, v value) (reason, hint string) {
	switch strings.ToLower(v.text) {
	case "1", "true", "yes", "on":
		*to = true
	case "0", "false", "no", "off":
		*to = false
	default:
		return "is neither true nor false", ""
	}
	return "", ""
}

func setPolicy(to *mse.Policy, v value) (reason, hint string) {
	p, ok := mse.ParsePolicy(v.text)
	if !ok {
		return "is none of prefer, require, authenticated and off", ""
	}
	*to = p
	return "", ""
}

// maxHosts bounds a list of hosts.
const maxHosts = 100

func setHosts(to *[]string, v value) (reason, hint string) {
	var list []string
	for host := range strings.SplitSeq(v.text, ",") {
		if host = strings.TrimSpace(host); host == "" {
			continue
		}
		name, digits, err := net.SplitHostPort(host)
		port, bad := strconv.ParseUint(digits, 10, 16)
		if err != nil || bad != nil || name == "" || port == 0 {
			return fmt.Sprintf("names %q, which is not HOST:PORT", host), "write them as in router.example:6881,[2001:db8::1]:6881"
		}
		if list = append(list, host); len(list) > maxHosts {
			return fmt.Sprintf("names more than %d", maxHosts), ""
		}
	}
	*to = list
	return "", ""
}

func setCount(to *int, v value, most int) (reason, hint string) { return setNumber(to, v, 1, most) }

func setNumber(to *int, v value, least, most int) (reason, hint string) {
	n, err := strconv.Atoi(v.text)
	if err != nil || n < least || n > most {
		return fmt.Sprintf("is not a number from %d to %d", least, most), ""
	}
	*to = n
	return "", ""
}

func setDuration(to *time.Duration, v value) (reason, hint string) {
	d, err := time.ParseDuration(v.text)
	if err != nil || d < 0 {
		return "is not a time", "write hours, minutes and seconds as 48h, 90m or 1h30m; 0 is no end"
	}
	*to = d
	return "", ""
}

// setPeriod takes a time after which something is done again.
func setPeriod(to *time.Duration, v value) (reason, hint string) {
	d, err := time.ParseDuration(v.text)
	if err != nil || d < time.Second {
		return "is not a time of 1s or more", "write hours, minutes and seconds as 90s, 5m or 1h30m"
	}
	*to = d
	return "", ""
}

// durationText is the shortest text that is read as the same time.
func durationText(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func setRatio(to *float64, v value) (reason, hint string) {
	f, err := strconv.ParseFloat(v.text, 64)
	if err != nil || math.IsNaN(f) || f < 0 || f > 1e6 {
		return "is not a number from 0 to 1000000", "0 seeds without end"
	}
	*to = f
	return "", ""
}
