package peer

import "strconv"

// Type tells messages apart. The values below 254 are those of the wire.
type Type uint8

// The message types. KeepAlive and Unknown never travel: the first stands for a frame without type, the second for a
// type that this package does not know.
const (
	Choke         Type = 0
	Unchoke       Type = 1
	Interested    Type = 2
	NotInterested Type = 3
	Have          Type = 4
	Bitfield      Type = 5
	Request       Type = 6
	Piece         Type = 7
	Cancel        Type = 8
	Port          Type = 9
	Suggest       Type = 13
	HaveAll       Type = 14
	HaveNone      Type = 15
	Reject        Type = 16
	AllowedFast   Type = 17
	Extended      Type = 20
	HashRequested Type = 21
	Hashes        Type = 22
	HashReject    Type = 23
	Unknown       Type = 254
	KeepAlive     Type = 255
)

var typeNames = map[Type]string{
	Choke: "choke", Unchoke: "unchoke", Interested: "interested", NotInterested: "not interested", Have: "have",
	Bitfield: "bitfield", Request: "request", Piece: "piece", Cancel: "cancel", Port: "port", Suggest: "suggest piece",
	HaveAll: "have all", HaveNone: "have none", Reject: "reject request", AllowedFast: "allowed fast",
	Extended: "extended", HashRequested: "hash request", Hashes: "hashes", HashReject: "hash reject",
	Unknown: "unknown", KeepAlive: "keep-alive",
}

// String is the name the specifications give the message.
func (t Type) String() string {
	if s, ok := typeNames[t]; ok {
		return s
	}
	return "message " + strconv.Itoa(int(t))
}

// Message is any message, flat so that none of them needs memory of its own. Which fields count depends on Type:
//
//	Have, Suggest, AllowedFast       Index
//	Request, Cancel, Reject          Index, Begin, Length
//	Piece                            Index, Begin, Length (bytes of the block, which follow the header)
//	Port                             Index (the UDP port)
//	Bitfield                         Payload (the bits)
//	Extended                         Payload (the extended id, then the body; never empty)
//	HashRequested, HashReject        Hash
//	Hashes                           Hash (the request it answers), Payload (hashes of 32 bytes each)
//	Unknown                          Index (the type on the wire), Payload (the body)
type Message struct {
	Type   Type
	Index  uint32
	Begin  uint32
	Length uint32
	// Payload is a view into the parsed buffer, valid as long as the buffer's bytes are not overwritten.
	Payload []byte
	Hash    HashRequest
}

// HashRequest names a run of hashes in the tree of one file (BEP 52).
type HashRequest struct {
	// Root is the root of the file's tree, the "pieces root".
	Root [32]byte
	// BaseLayer is the layer asked for, counted upwards from the leaves.
	BaseLayer uint32
	// Index is the place of the first hash in its layer, Length how many are asked for.
	Index, Length uint32
	// ProofLayers is how many layers above the base layer shall come with their uncle hashes.
	ProofLayers uint32
}

// HashSize is the size of one hash in the payload of a Hashes message.
const HashSize = 32

// ProtocolError says how the other side broke the protocol. It is always the peer's fault, never ours or the network's.
type ProtocolError string

// Error implements error.
func (e ProtocolError) Error() string { return "peer broke the protocol: " + string(e) }
