// Package socks is the codec of SOCKS 5 (RFC 1928) with user name and password (RFC 1929): what a client and a proxy say to
// each other on a TCP connection before that carries the client's bytes, and the header of datagrams that a proxy relays.
// Numbers are big endian.
//
//	greeting                               choice
//	+-----+----------+-----------------+   +-----+--------+
//	|  5  | NMETHODS | METHODS (1-255) |   |  5  | METHOD |
//	+-----+----------+-----------------+   +-----+--------+
//
//	login (method 2)                       its answer
//	+-----+------+-------+------+--------+ +-----+--------+
//	|  1  | ULEN | UNAME | PLEN | PASSWD | |  1  | STATUS |
//	+-----+------+-------+------+--------+ +-----+--------+
//
//	request: CODE is a command; reply: CODE is how it went
//	+-----+------+-----+------+----------+----------+
//	|  5  | CODE |  0  | ATYP |   ADDR   | PORT (2) |     ADDR: ATYP 1: 4 bytes; 4: 16 bytes;
//	+-----+------+-----+------+----------+----------+           3: a length and a name of so many
//
//	datagram
//	+-------+------+------+----------+----------+------+
//	| 0 (2) | FRAG | ATYP |   ADDR   | PORT (2) | DATA |
//	+-------+------+------+----------+----------+------+
package socks

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strconv"
)

const (
	version      = 5
	loginVersion = 1

	atypIPv4 = 1
	atypName = 3
	atypIPv6 = 4
)

// Sizes of what is exchanged.
const (
	// MaxName is how long a host name, a user name or a password may be.
	MaxName = 255
	// ChoiceSize is that of the proxy's choice, and of its answer to a login.
	ChoiceSize = 2
	// MaxMessage is the largest request or reply.
	MaxMessage = 4 + 1 + MaxName + 2
	// MaxHeader is the largest header of a datagram.
	MaxHeader = 4 + 1 + MaxName + 2
)

// Method is how a client proves who it is.
type Method byte

// Methods.
const (
	NoLogin      Method = 0
	Password     Method = 2
	NoAcceptable Method = 0xff
)

// Code is the command of a request, or how a request went.
type Code byte

// Commands.
const (
	Connect   Code = 1
	Associate Code = 3 // UDP ASSOCIATE
)

// How a request went.
const (
	Succeeded Code = iota
	GeneralFailure
	NotAllowed
	NetworkUnreachable
	HostUnreachable
	ConnectionRefused
	TTLExpired
	CommandNotSupported
	AddressNotSupported
)

// String is what RFC 1928 calls how a request went.
func (c Code) String() string {
	words := [...]string{"succeeded", "general SOCKS server failure", "connection not allowed by ruleset", "network unreachable", "host unreachable",
		"connection refused", "TTL expired", "command not supported", "address type not supported"}
	if int(c) < len(words) {
		return words[c]
	}
	return "error " + strconv.Itoa(int(c))
}

// Errors of what a proxy says.
var (
	// ErrShort says that more bytes are needed.
	ErrShort = errors.New("socks: message is cut short")
	// ErrVersion says that it is not SOCKS 5.
	ErrVersion = errors.New("socks: not version 5")
	// ErrFormat says that a message has no meaning.
	ErrFormat = errors.New("socks: malformed message")
	// ErrFragment says that a datagram is a part of one.
	ErrFragment = errors.New("socks: datagram is a fragment")
	// ErrLength says that a name is empty, or that it or a password is longer than fits.
	ErrLength = errors.New("socks: name of 0 or more than 255 bytes")
)

// AppendGreeting appends the methods that the client offers, of which there are at most 255.
func AppendGreeting(b []byte, offered ...Method) []byte {
	b = append(b, version, byte(len(offered)))
	for _, m := range offered {
		b = append(b, byte(m))
	}
	return b
}

// ParseChoice reads the method that the proxy chooses.
func ParseChoice(b []byte) (Method, error) {
	switch {
	case len(b) < ChoiceSize:
		return 0, ErrShort
	case b[0] != version:
		return 0, ErrVersion
	}
	return Method(b[1]), nil
}

// AppendLogin appends a user name and a password.
func AppendLogin(b []byte, user, password string) ([]byte, error) {
	// RFC 1929 has both lengths from 1 to 255; proxies that want a token instead of a name take it without a password.
	if user == "" || len(user) > MaxName || len(password) > MaxName {
		return nil, ErrLength
	}
	b = append(b, loginVersion, byte(len(user)))
	b = append(append(b, user...), byte(len(password)))
	return append(b, password...), nil
}

// ParseLoginAnswer reads whether a login was right.
func ParseLoginAnswer(b []byte) (right bool, err error) {
	switch {
	case len(b) < ChoiceSize:
		return false, ErrShort
	case b[0] != loginVersion:
		return false, ErrVersion
	}
	// RFC 1929: "A STATUS field of X'00' indicates success."
	return b[1] == 0, nil
}

// Addr is where a connection or a datagram goes or comes from: an address, or else a name that the proxy looks up.
type Addr struct {
	IP   netip.Addr // the zero address if there is a Name; never an IPv4 address in its IPv6-mapped form
	Name string     // 1 to 255 bytes, which may be anything
	Port uint16
}

// AddrOf is an address that is no name.
func AddrOf(a netip.AddrPort) Addr { return Addr{IP: a.Addr().Unmap().WithZone(""), Port: a.Port()} }

// AddrPort is the address; the zero value for a name.
func (a Addr) AddrPort() netip.AddrPort {
	if !a.IP.IsValid() {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.IP, a.Port)
}

// Message is a request or a reply.
type Message struct {
	Code Code
	Addr Addr
}

// AppendMessage appends a request or a reply. An address without IP and name is written as 0.0.0.0.
func AppendMessage(b []byte, m Message) ([]byte, error) {
	return appendAddr(append(b, version, byte(m.Code), 0), m.Addr)
}

// ParseMessage reads a request or a reply, and says how many bytes that took.
func ParseMessage(b []byte) (m Message, n int, err error) {
	switch {
	case len(b) >= 1 && b[0] != version:
		return m, 0, ErrVersion
	case len(b) < 3:
		return m, 0, ErrShort
	}
	m.Code = Code(b[1])
	m.Addr, n, err = parseAddr(b[3:])
	return m, n + 3, err
}

// HeadSize is how much of a message tells how long it is.
const HeadSize = 5

// MessageSize is how long a message is that begins so, in at least [HeadSize] bytes.
func MessageSize(head []byte) (int, error) {
	switch {
	case len(head) >= 1 && head[0] != version:
		return 0, ErrVersion
	case len(head) < HeadSize:
		return 0, ErrShort
	}
	n, _, err := addrSize(head[3:])
	return n + 3, err
}

// AppendHeader appends the header of a datagram; the data follow it.
func AppendHeader(b []byte, a Addr) ([]byte, error) {
	return appendAddr(append(b, 0, 0, 0), a)
}

// ParseDatagram reads the header of a datagram and says what data follow.
func ParseDatagram(b []byte) (from Addr, data []byte, err error) {
	if len(b) < 3 {
		return from, nil, ErrShort
	}
	// RFC 1928: "Implementation of fragmentation is optional; an implementation that does not support fragmentation MUST
	// drop any datagram whose FRAG field is other than X'00'."
	if b[2] != 0 {
		return from, nil, ErrFragment
	}
	from, n, err := parseAddr(b[3:])
	if err != nil {
		return Addr{}, nil, err
	}
	return from, b[3+n:], nil
}

func appendAddr(b []byte, a Addr) ([]byte, error) {
	switch ip := a.IP.Unmap(); {
	case a.Name != "":
		if len(a.Name) > MaxName {
			return nil, ErrLength
		}
		b = append(append(b, atypName, byte(len(a.Name))), a.Name...)
	case ip.Is6():
		b = append(append(b, atypIPv6), ip.AsSlice()...)
	case ip.Is4():
		b = append(append(b, atypIPv4), ip.AsSlice()...)
	default:
		b = append(b, atypIPv4, 0, 0, 0, 0)
	}
	return binary.BigEndian.AppendUint16(b, a.Port), nil
}

// addrSize is how long an address with its port is that begins so, in two bytes or more, and where what says it begins.
func addrSize(b []byte) (n, at int, err error) {
	switch b[0] {
	case atypIPv4:
		return 1 + 4 + 2, 1, nil
	case atypIPv6:
		return 1 + 16 + 2, 1, nil
	case atypName:
		if b[1] > 0 {
			return 2 + int(b[1]) + 2, 2, nil
		}
	}
	return 0, 0, ErrFormat
}

func parseAddr(b []byte) (a Addr, n int, err error) {
	if len(b) < 2 {
		return a, 0, ErrShort
	}
	n, at, err := addrSize(b)
	switch {
	case err != nil:
		return a, 0, err
	case len(b) < n:
		return a, 0, ErrShort
	}
	port := n - 2
	if b[0] == atypName {
		a.Name = string(b[at:port])
	} else {
		a.IP, _ = netip.AddrFromSlice(b[at:port])
		a.IP = a.IP.Unmap()
	}
	a.Port = binary.BigEndian.Uint16(b[port:])
	return a, n, nil
}
