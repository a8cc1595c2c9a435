package peer

// ParseUploadOnly parses the body of an extended message with the id we gave to upload_only: one byte, not zero when the
// sender wants no more downloads. No BEP describes this message; it is the upload_only of BEP 21 for peers whose mind
// changes after the extension handshake.
func ParseUploadOnly(body []byte) (bool, error) {
	if len(body) != 1 {
		return false, ProtocolError("upload_only message of wrong size")
	}
	return body[0] != 0, nil
}

// AppendUploadOnly appends a message that says whether we only upload, under the id that the receiver gave to upload_only.
func AppendUploadOnly(b []byte, id uint8, only bool) []byte {
	b = append(appendHeader(b, Extended, 1+1), id)
	if only {
		return append(b, 1)
	}
	return append(b, 0)
}
