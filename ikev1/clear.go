package ikev1

// clearMessage returns the message as it would have been sent in clear: the
// header with the encryption flag off and the length mended, then the payloads
// without padding.
func clearMessage(h Header, payloads []byte) []byte {
	h.Flags &^= FlagEncryption
	h.Length = uint32(HeaderLen + len(payloads))
	return append(h.Append(make([]byte, 0, h.Length)), payloads...)
}
