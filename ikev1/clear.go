package ikev1

// clearMessage returns the message as it would have been sent in clear: the
// header with the encryption flag off and the length mended, then the payloads
// without padding.
func clearMessage(h Header, payloads []byte) []byte {
	h.Length = uint32(HeaderLen + len(payloads))
	return clearHead(h, payloads)
}

// clearHead is clearMessage for one of which only the beginning is there: the
// length stays that of the whole, its padding included.
func clearHead(h Header, payloads []byte) []byte {
	h.Flags &^= FlagEncryption
	return append(h.Append(make([]byte, 0, HeaderLen+len(payloads))), payloads...)
}
