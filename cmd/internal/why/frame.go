package why

import "l2tpdump/esp"

// Undecoded says of a frame, a fragment or a message why it could not be taken apart; cut: the
// capture does not hold what is missing.
func Undecoded(err error, cut bool) (Verdict, string) {
	if cut {
		return Truncated, "the snap length left no whole header"
	}
	return Malformed, err.Error()
}

// Snapped says of a packet, or a fragment of one, that its end was not captured.
func Snapped(what string) (Verdict, string) {
	return Truncated, "the capture holds only part of the " + what + " (snaplen)"
}

// NoESPHeader says of an ESP packet, which had length bytes on the wire, why it has no whole
// header.
func NoESPHeader(length int) (Verdict, string) {
	if length >= esp.HeaderLen {
		return Truncated, "the snap length left no ESP header"
	}
	return Malformed, "shorter than the ESP header"
}
