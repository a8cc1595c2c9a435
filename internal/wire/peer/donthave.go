package peer

import "encoding/binary"

// ParseDontHave parses the body of an extended message with the id we gave to lt_donthave: the index of a piece that the
// sender said it has and has no more (BEP 54).
func ParseDontHave(body []byte) (index uint32, err error) {
	if len(body) != 4 {
		return 0, ProtocolError("lt_donthave message of wrong size")
	}
	return binary.BigEndian.Uint32(body), nil
}

// AppendDontHave appends a message that takes back a have, under the id that the receiver gave to lt_donthave.
func AppendDontHave(b []byte, id uint8, index uint32) []byte {
	b = append(appendHeader(b, Extended, 1+4), id)
	return binary.BigEndian.AppendUint32(b, index)
}
