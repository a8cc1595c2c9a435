// Package krpc reads and writes what nodes of the mainline DHT say to each other: BEP 5 with the additions of BEP 32 (IPv6),
// 33 (scrapes), 42 (the address of the asker), 43 (read-only), 44 (items) and 51 (samples of info-hashes).
//
// A message is one bencoded dictionary in one UDP datagram. Integers are decimal, addresses and ports are big-endian.
//
//	every message    t  transaction id: chosen by the asker, echoed in the answer
//	                 y  "q" query, "r" response, "e" error
//	                 v  version of the program that sent it: two letters and two numbers
//	query            q  method     a  arguments       ro 1: do not enter me in your routing table
//	response         r  values     ip the asker's address and port: 6 or 18 bytes
//	error            e  [code, message]
//
//	method             arguments (all have id)                                 response (all have id)
//	ping               -                                                       -
//	find_node          target want                                             nodes nodes6
//	get_peers          info_hash want noseed scrape                            nodes nodes6 token values BFsd BFpe
//	announce_peer      info_hash port implied_port seed token                  -
//	get                target want seq                                         nodes nodes6 token v k seq sig
//	put                token v, if mutable k seq sig salt cas                  -
//	sample_infohashes  target want                                             nodes nodes6 interval num samples
//
//	id, target, info_hash  20 bytes              values   a list of strings, 6 or 18 bytes: address, port
//	nodes    26 bytes each: id, IPv4, port       samples  20 bytes each
//	nodes6   38 bytes each: id, IPv6, port       BFsd, BFpe  Bloom filters of 256 bytes: seeds, peers
//	want     a list of "n4", "n6"                k 32 bytes, sig 64 bytes, salt at most 64, v at most 1000 as it is encoded
//
//	d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q9:find_node1:t2:aa1:y1:qe
package krpc

import (
	"net/netip"
	"strconv"

	"github.com/potluck-p2p/potluck/internal/content"
)

// Bounds on what is read.
const (
	// MaxPacket is the longest message that is read, in bytes.
	MaxPacket = 2048
	// MaxTransaction is the longest transaction id.
	MaxTransaction = 64
	// MaxToken is the longest write token.
	MaxToken = 128
	// MaxNodes, MaxPeers and MaxSamples bound the lists of one response.
	MaxNodes   = 32
	MaxPeers   = 200
	MaxSamples = 64
	// MaxText is how many bytes of an error's message, and of a version, are kept.
	MaxText = 128
)

// A Kind tells messages apart.
type Kind uint8

// Kinds of message.
const (
	KindQuery Kind = iota + 1
	KindResponse
	KindError
)

// Method is what a query asks for.
type Method string

// Methods.
const (
	Ping             Method = "ping"
	FindNode         Method = "find_node"
	GetPeers         Method = "get_peers"
	AnnouncePeer     Method = "announce_peer"
	Get              Method = "get"
	Put              Method = "put"
	SampleInfohashes Method = "sample_infohashes"
)

// Message is one message; Kind says which of Query, Response and Error it has. The byte slices of a message that was read are
// views into the datagram.
type Message struct {
	Kind        Kind
	Transaction []byte
	Version     string
	// ReadOnly is set in the queries of a node that answers none. BEP 43.
	ReadOnly bool
	// IP is the address of the receiver as the sender sees it, of responses and errors. BEP 42. Its port is 0 if only the
	// address was told.
	IP netip.AddrPort

	Query    Query
	Response Response
	Error    Error
}

// Families is a set of address families: the want of BEP 32.
type Families uint8

// Families of addresses.
const (
	IPv4 Families = 1 << iota
	IPv6
)

// FamilyOf is the family of an address; an IPv4 address mapped into IPv6 is IPv4.
func FamilyOf(a netip.Addr) Families {
	if a.Unmap().Is4() {
		return IPv4
	}
	return IPv6
}

// Query is what is asked. Which fields mean something depends on the method; the others are zero.
type Query struct {
	Method Method
	ID     ID // of the sender
	// Target is the target or the info_hash. A method that is not known may have one as well, see [Query.Known].
	Target    ID
	HasTarget bool
	Want      Families // 0: not said

	// Of get_peers, BEP 33.
	NoSeed bool
	Scrape bool

	// Of announce_peer.
	Port        uint16
	ImpliedPort bool // the port that the datagram came from counts
	Seed        bool

	// Token is echoed by whoever announces or puts.
	Token []byte

	// NewerThan is the seq of a get: the item is wanted only if it is newer. Nil: not said.
	NewerThan *int64
	// Item and CAS are what is put.
	Item Item
	CAS  *int64
}

// Known reports whether the method is one of those above.
func (q *Query) Known() bool {
	switch q.Method {
	case Ping, FindNode, GetPeers, AnnouncePeer, Get, Put, SampleInfohashes:
		return true
	}
	return false
}

// Response is what is answered to a query, of all methods together: a response does not say which query it is for.
type Response struct {
	ID     ID // of the sender
	Nodes  []Node
	Nodes6 []Node
	// Lists says which of Nodes and Nodes6 are written although they are empty.
	Lists Families
	Token []byte
	Peers []netip.AddrPort

	// Seeders and Leechers are the filters of a scrape, BEP 33; nil if there is none.
	Seeders, Leechers *Bloom

	// Item is what was found: its Value is nil if there is nothing. Salt is never told.
	Item Item
	// Seq is the sequence number that the node has, which may come without the value.
	Seq *int64

	// Samples are of BEP 51; nil if the method was another.
	Samples *Samples
}

// Samples are info-hashes that a node has peers of. BEP 51.
type Samples struct {
	Hashes   []ID
	Total    int // how many it has
	Interval int // seconds until there are others
}

// Codes of errors: BEP 5 and BEP 44.
const (
	CodeGeneric       = 201
	CodeServer        = 202
	CodeProtocol      = 203
	CodeMethodUnknown = 204
	CodeTooBig        = 205
	CodeBadSignature  = 206
	CodeSaltTooBig    = 207
	CodeCASMismatch   = 301
	CodeOldSequence   = 302
)

// An Error is what a node answers that does not do what is asked. The message of one that was read is hostile; Error escapes it.
type Error struct {
	Code    int
	Message string
}

func (e *Error) Error() string {
	return "error " + strconv.Itoa(e.Code) + ": " + content.Printable(e.Message)
}

// A FormatError says why a datagram is no message.
type FormatError struct{ Reason string }

func (e *FormatError) Error() string { return "no message of the DHT: " + e.Reason }

// Looks reports whether a datagram on a shared port is for the DHT, by its first byte: a message is a dictionary.
func Looks(pkt []byte) bool { return len(pkt) > 0 && pkt[0] == 'd' }
