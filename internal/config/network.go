package config

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/potluck-p2p/potluck/internal/netx/proxy"
)

// proxyKey may hold a password: its value is not quoted when it is wrong.
const proxyKey = "net.proxy"

// maxNameServers bounds a list of name servers.
const maxNameServers = 10

// setNameServers takes addresses, with a port if it is not 53.
func setNameServers(to *[]netip.AddrPort, v value) (reason, hint string) {
	var list []netip.AddrPort
	for text := range strings.SplitSeq(v.text, ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		at, err := netip.ParseAddrPort(text)
		if ip, bare := netip.ParseAddr(text); bare == nil {
			at, err = netip.AddrPortFrom(ip, dnsPort), nil
		}
		if err != nil || at.Port() == 0 || at.Addr().IsUnspecified() {
			return fmt.Sprintf("names %q, which is no address", text), "write them as in 10.64.0.1,[2001:db8::1]:53"
		}
		if list = append(list, at); len(list) > maxNameServers {
			return fmt.Sprintf("names more than %d", maxNameServers), ""
		}
	}
	*to = list
	return "", ""
}

const dnsPort = 53

// nameServersText is the list as it is read.
func nameServersText(list []netip.AddrPort) string {
	var texts []string
	for _, a := range list {
		texts = append(texts, a.String())
	}
	return strings.Join(texts, ",")
}

func setProxy(to *proxy.Server, v value) (reason, hint string) {
	if v.text == "" {
		*to = proxy.Server{}
		return "", ""
	}
	s, err := proxy.Parse(v.text)
	if err != nil {
		return err.Error(), "write it as in socks5://127.0.0.1:1080 or http://user:password@proxy.example:3128"
	}
	*to = s
	return "", ""
}

// maxInterface is longer than the name of an interface is on any system.
const maxInterface = 256

func setInterface(to *string, v value) (reason, hint string) {
	switch ip, err := netip.ParseAddr(v.text); {
	case err == nil && (ip.IsUnspecified() || ip.IsMulticast() || ip.Zone() != ""):
		return "is not the address of an interface", "write the name of an interface, as wg0, or its address"
	case len(v.text) > maxInterface || strings.ContainsFunc(v.text, func(r rune) bool { return r < ' ' || r == 0x7f || r == '/' }):
		return "is not the name of an interface", "write it as your system shows it, as wg0, or the address that it has"
	}
	*to = v.text
	return "", ""
}
