package upnp

import (
	"bytes"
	"net/netip"
)

// Group is where devices are looked for.
var Group = netip.MustParseAddrPort("239.255.255.250:1900")

// Gateways are what is looked for: internet gateways of both versions. Those of version 2 should answer to both, and some to
// their own only.
var Gateways = []string{
	"urn:schemas-upnp-org:device:InternetGatewayDevice:1",
	"urn:schemas-upnp-org:device:InternetGatewayDevice:2",
}

// maxAnswer bounds an answer to a search, in bytes.
const maxAnswer = 4096

// AppendSearch writes a search for a target, as it is sent to the group or to one device. UPnP Device Architecture 1.1:
// "MX ... should be between 1 and 5 inclusive", seconds after which devices have answered.
func AppendSearch(b []byte, to netip.AddrPort, target string) []byte {
	b = append(b, "M-SEARCH * HTTP/1.1\r\nHOST: "...)
	b = to.AppendTo(b)
	b = append(b, "\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: "...)
	b = append(b, target...)
	return append(b, "\r\n\r\n"...)
}

// ParseFound reads an answer to a search and returns the URL at which the device describes itself, by its own word.
func ParseFound(b []byte) (location string, err error) {
	if len(b) > maxAnswer {
		return "", &FormatError{"an answer to a search that is too long"}
	}
	line, b, _ := nextLine(b)
	version, status, _ := bytes.Cut(line, []byte(" "))
	if code, _, _ := bytes.Cut(status, []byte(" ")); !bytes.HasPrefix(version, []byte("HTTP/1.")) || string(code) != "200" {
		return "", &FormatError{"it answers no search"}
	}
	for len(b) > 0 {
		if line, b, _ = nextLine(b); len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(bytes.TrimSpace(name), []byte("LOCATION")) {
			location = string(bytes.TrimSpace(value))
		}
	}
	if location == "" {
		return "", &FormatError{"an answer to a search that names no place"}
	}
	return location, nil
}

func nextLine(b []byte) (line, rest []byte, ok bool) {
	line, rest, ok = bytes.Cut(b, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), rest, ok
}
