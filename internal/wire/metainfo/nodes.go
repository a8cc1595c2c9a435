package metainfo

import (
	"strings"
	"unicode/utf8"

	"github.com/potluck-p2p/potluck/internal/wire/bencode"
)

const (
	// maxNodes bounds the nodes that are kept of a .torrent file, maxHost the length of the name of one: that of a domain
	// name. Others are ignored.
	maxNodes = 100
	maxHost  = 253
)

// Node is a node of the DHT as a .torrent names it: an IP address or a name, and a UDP port.
type Node struct {
	Host string
	Port uint16
}

// nodes reads ways into the DHT. BEP 5: "nodes = [["<host>", <port>], ["<host>", <port>], ...]".
func nodes(list bencode.Value) (all []Node) {
	for pair := range list.Items() {
		if len(all) == maxNodes {
			break
		}
		if n, ok := parseNode(pair); ok {
			all = append(all, n)
		}
	}
	return all
}

func parseNode(pair bencode.Value) (Node, bool) {
	var parts []bencode.Value
	for x := range pair.Items() {
		if parts = append(parts, x); len(parts) == 2 {
			break
		}
	}
	if len(parts) < 2 {
		return Node{}, false
	}
	host, isText := parts[0].Str()
	port, isNumber := parts[1].Int()
	return Node{host, uint16(port)}, isText && isNumber && isHost(host) && port > 0 && port < 1<<16
}

// isHost reports whether text may be a host. A control character in it is an attack on whoever prints it.
func isHost(s string) bool {
	return s != "" && len(s) <= maxHost && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

func appendNodes(b []byte, all []Node) []byte {
	b = append(b, 'l')
	for _, n := range all {
		b = append(b, 'l')
		b = bencode.AppendString(b, n.Host)
		b = bencode.AppendInt(b, int64(n.Port))
		b = append(b, 'e')
	}
	return append(b, 'e')
}
