package peer

import (
	"encoding/binary"
	"maps"
	"math"
	"net/netip"
	"slices"

	"github.com/potluck-p2p/potluck/internal/wire/bencode"
)

// ExtHandshakeID is the extended id of the extension handshake (BEP 10).
const ExtHandshakeID = 0

// Names of extensions in the "m" dictionary of an extension handshake.
const (
	ExtMetadata   = "ut_metadata"  // BEP 9
	ExtDontHave   = "lt_donthave"  // BEP 54
	ExtUploadOnly = "upload_only"  // BEP 21 as a message, by libtorrent
	ExtPEX        = "ut_pex"       // BEP 11
	ExtHolepunch  = "ut_holepunch" // BEP 55
)

const (
	maxExtensions    = 64
	maxExtensionName = 64
	maxVersion       = 128
)

// ExtHandshake is the extension handshake of BEP 10: what a peer says about itself. All of it is optional; a zero field
// was not said, and is not said when appended.
type ExtHandshake struct {
	// M maps names of extensions to the ids under which the sender wants to receive them. It adds to what earlier
	// handshakes of the sender said, and the id 0 takes an extension back.
	M map[string]uint8
	// Encrypts says that the sender prefers encrypted connections.
	Encrypts bool
	// Version is name and version of the client. It is the peer's text, cut to 128 bytes and otherwise raw: escape it where
	// it is shown.
	Version string
	// Port is the TCP port on which the sender accepts connections.
	Port uint16
	// YourIP is the address of the receiver as the sender sees it.
	YourIP netip.Addr
	// IPv4 and IPv6 are addresses of the sender.
	IPv4, IPv6 netip.Addr
	// Reqq is how many requests the sender keeps without dropping any.
	Reqq int
	// MetadataSize is the size of the info dictionary (BEP 9). It is what the sender claims: bound it before use.
	MetadataSize int
	// Intent says whether the sender wants to download anything (BEP 21).
	Intent Intent
	// Key is the Ed25519 key that the sender proves to whoever connects to it by TLS; zero: it says none. This is an extension
	// of potluck's own, "pk".
	Key [KeySize]byte
	// Run is the longest run of blocks, in bytes, that the sender takes in one request and in one piece message; 0: it says
	// none. It is what the sender claims. This is an extension of potluck's own, "potluck_run".
	Run int
}

// KeySize is the size of a node's key.
const KeySize = 32

// Intent is what a peer means to do with an object, "upload_only" in the words of BEP 21.
type Intent uint8

// Intents.
const (
	NotSaid    Intent = iota
	Downloads         // upload_only is 0
	UploadOnly        // upload_only is 1: "this peer is not interested in downloading anything"
)

// ParseExtHandshake parses the body of an extended message with the id 0. Clients differ in what they put there, so
// everything that is not as expected counts as not said; only a body that is no dictionary is an error.
func ParseExtHandshake(body []byte) (ExtHandshake, error) {
	var h ExtHandshake
	// Some clients pad the dictionary: what follows it is nobody's business.
	v, _, err := bencode.ParsePrefix(body)
	if err != nil || v.Kind() != bencode.Dict {
		return h, ProtocolError("extension handshake is no dictionary")
	}
	h.M = parseExtensions(v.Get("m"))
	h.Encrypts = intWithin(v.Get("e"), math.MaxInt32) != 0
	h.Version = parseVersion(v.Get("v"))
	h.Port = uint16(intWithin(v.Get("p"), math.MaxUint16))
	h.YourIP = parseIP(v.Get("yourip"))
	if ip := parseIP(v.Get("ipv4")); ip.Is4() {
		h.IPv4 = ip
	}
	if ip := parseIP(v.Get("ipv6")); ip.Is6() {
		h.IPv6 = ip
	}
	h.Reqq = int(intWithin(v.Get("reqq"), math.MaxInt32))
	h.MetadataSize = int(intWithin(v.Get("metadata_size"), math.MaxInt32))
	h.Run = int(intWithin(v.Get("potluck_run"), math.MaxInt32))
	if key, _ := v.Get("pk").Bytes(); len(key) == KeySize {
		h.Key = [KeySize]byte(key)
	}
	if only, ok := v.Get("upload_only").Int(); ok && only >= 0 {
		h.Intent = intent(only != 0)
	}
	return h, nil
}

// parseExtensions returns nil if there are none. Names beyond the bounds are left out: we know none of them.
func parseExtensions(v bencode.Value) map[string]uint8 {
	if v.Kind() != bencode.Dict {
		return nil
	}
	var m map[string]uint8
	for name, id := range v.Entries() {
		n, ok := id.Int()
		if !ok || n < 0 || n > math.MaxUint8 || len(name) > maxExtensionName {
			continue
		}
		if m == nil {
			m = make(map[string]uint8)
		}
		if len(m) == maxExtensions {
			break
		}
		m[string(name)] = uint8(n)
	}
	return m
}

func parseVersion(v bencode.Value) string {
	b, _ := v.Bytes()
	return string(b[:min(len(b), maxVersion)])
}

// parseIP takes the compact form: 4 or 16 bytes. An IPv4 address in IPv6 clothes counts as IPv4.
func parseIP(v bencode.Value) netip.Addr {
	b, _ := v.Bytes()
	ip, _ := netip.AddrFromSlice(b)
	if ip.IsUnspecified() {
		return netip.Addr{}
	}
	return ip.Unmap()
}

// intWithin returns the integer v, or 0 if v is none or not between 0 and most.
func intWithin(v bencode.Value, most int64) int64 {
	n, ok := v.Int()
	if !ok || n < 0 || n > most {
		return 0
	}
	return n
}

// AppendExtHandshake appends the extended message that is the extension handshake.
func AppendExtHandshake(b []byte, h ExtHandshake) []byte {
	b, start := beginExtended(b, ExtHandshakeID)
	w := bencode.BeginDict(b)
	if h.Encrypts {
		w.Int("e", 1)
	}
	if h.IPv4.Is4() {
		w.Bytes("ipv4", h.IPv4.AsSlice())
	}
	if h.IPv6.Is6() {
		w.Bytes("ipv6", h.IPv6.AsSlice())
	}
	w.Key("m")
	m := bencode.BeginDict(w.B)
	for _, name := range slices.Sorted(maps.Keys(h.M)) {
		m.Int(name, int64(h.M[name]))
	}
	w.B = m.End()
	if h.MetadataSize != 0 {
		w.Int("metadata_size", int64(h.MetadataSize))
	}
	if h.Port != 0 {
		w.Int("p", int64(h.Port))
	}
	if h.Key != [KeySize]byte{} {
		w.Bytes("pk", h.Key[:])
	}
	if h.Run != 0 {
		w.Int("potluck_run", int64(h.Run))
	}
	if h.Reqq != 0 {
		w.Int("reqq", int64(h.Reqq))
	}
	switch h.Intent {
	case Downloads:
		w.Int("upload_only", 0)
	case UploadOnly:
		w.Int("upload_only", 1)
	}
	if h.Version != "" {
		w.String("v", h.Version)
	}
	if h.YourIP.IsValid() {
		w.Bytes("yourip", h.YourIP.Unmap().AsSlice())
	}
	return endExtended(w.End(), start)
}

// beginExtended begins an extended message whose size is not known yet and returns where it starts, for endExtended.
func beginExtended(b []byte, id uint8) ([]byte, int) {
	return append(appendHeader(b, Extended, 1), id), len(b)
}

// endExtended fills in the length of the message that starts at start and ends with b.
func endExtended(b []byte, start int) []byte {
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-lengthSize))
	return b
}
