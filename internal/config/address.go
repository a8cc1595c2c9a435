package config

import (
	"net/netip"
	"strconv"
	"strings"
)

// Address is a place to listen at. An empty host is every address of this computer.
type Address struct {
	Host string // IP address or name
	Port uint16 // 0 is one that is free
}

// ParseAddress reads HOST:PORT. HOST is an IP address, an IPv6 one in brackets, or a name, or empty for all.
// An error is an [*Error].
func ParseAddress(s string) (Address, error) {
	a, reason, hint := parseAddress(s)
	if reason != "" {
		return Address{}, &Error{Value: s, Reason: reason, Hint: hint}
	}
	return a, nil
}

func parseAddress(s string) (a Address, reason, hint string) {
	at := strings.LastIndexByte(s, ':')
	if at < 0 {
		if _, err := strconv.ParseUint(s, 10, 16); err == nil {
			return a, "has no host", "write :" + s + " for all addresses, or 127.0.0.1:" + s + " for this computer only"
		}
		return a, "has no port", "write HOST:PORT, with port 0 for one that is free"
	}
	host, digits := s[:at], s[at+1:]
	if _, err := netip.ParseAddr(s); err == nil {
		return a, "has no port", "write an IPv6 address as [" + s + "]:PORT"
	}
	port, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || strings.HasPrefix(digits, "+") {
		return a, "has no port from 0 to 65535", ""
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		ip, err := netip.ParseAddr(inner)
		if !ok || err != nil || !ip.Is6() {
			return a, "has no IPv6 address in its brackets", ""
		}
		return Address{Host: inner, Port: uint16(port)}, "", ""
	}
	if strings.ContainsRune(host, ':') {
		return a, "has a host with colons", "write an IPv6 address as [ADDRESS]:PORT"
	}
	if !validHost(host) {
		return a, "has no host that could be", ""
	}
	return Address{Host: host, Port: uint16(port)}, "", ""
}

// validHost takes an IPv4 address, a name as RFC 1123 has them (with the underscore people use), or nothing.
func validHost(host string) bool {
	if host == "" {
		return true
	}
	if strings.Trim(host, "0123456789.") == "" {
		ip, err := netip.ParseAddr(host)
		return err == nil && ip.Is4()
	}
	if len(host) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(host, "."), ".") {
		ok := label != "" && len(label) <= 63 && label[0] != '-' && label[len(label)-1] != '-'
		if !ok || strings.Trim(strings.ToLower(label), "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

// IP is the host as an IP address, if it is one.
func (a Address) IP() (netip.Addr, bool) {
	ip, err := netip.ParseAddr(a.Host)
	return ip, err == nil
}

// IsWildcard reports whether the address is every address of this computer.
func (a Address) IsWildcard() bool {
	ip, ok := a.IP()
	return a.Host == "" || ok && ip.IsUnspecified()
}

// IsLoopback reports whether only this computer reaches the address. A name other than localhost does not count.
func (a Address) IsLoopback() bool {
	ip, ok := a.IP()
	return a.Host == "localhost" || ok && ip.IsLoopback()
}

// String is HOST:PORT, as ParseAddress reads it.
func (a Address) String() string {
	host := a.Host
	if strings.ContainsRune(host, ':') {
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(int(a.Port))
}
