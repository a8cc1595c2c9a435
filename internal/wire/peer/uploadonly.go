package peer

// ParseUploadOnly parses the body of an extended message with the id we gave to upload_only: one byte, not zero when the
// sender wants no more downloads. No BEP describes this message; it is the upload_only of BEP 21 for peers whose mind
// changes after the extension handshake.
func ParseUploadOnly(body []byte) (Intent, error) {
	if len(body) != 1 {
		return NotSaid, ProtocolError("upload_only message of wrong size")
	}
	return intent(body[0] != 0), nil
}

// AppendUploadOnly appends a message that says what we mean to do, under the id that the receiver gave to upload_only.
func AppendUploadOnly(b []byte, id uint8, i Intent) []byte {
	b = append(appendHeader(b, Extended, 1+1), id)
	if i == UploadOnly {
		return append(b, 1)
	}
	return append(b, 0)
}

func intent(only bool) Intent {
	if only {
		return UploadOnly
	}
	return Downloads
}
