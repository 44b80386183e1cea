package pipeline_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/ikev1"
)

// TestFirstMessageTooLong: the first message of an exchange is one though its length field is too
// large; what differs from one in any field is none.
func TestFirstMessageTooLong(t *testing.T) {
	message := ikev1.Header{InitiatorCookie: ikev1.Cookie{1, 2, 3}, NextPayload: 1, MajorVersion: 1, Exchange: 2, Length: 5000}.Append(nil)
	message = binary.BigEndian.AppendUint32(message, 56)                              // the last payload, and its length
	message = append(binary.BigEndian.AppendUint32(message, 1), bytesOf("SA", 48)...) // DOI
	toIKE := func(message []byte) *frames {
		return rawFrames(ipPacket(here4, there4, 17, udp(here4, there4, 500, 500, message)))
	}
	if r := follow(t, toIKE(message), nil, mode{}).results[0]; r.kind != pipeline.IKE || r.verdict != why.Malformed {
		t.Errorf("%v, %s", r.kind, r.verdict)
	}
	for _, at := range []int{8, 16, 17, 18, 19, 20, 29, 32, 35} {
		other := slices.Clone(message)
		other[at] ^= 0x81
		if r := follow(t, toIKE(other), nil, mode{}).results[0]; r.kind != pipeline.Other {
			t.Errorf("byte %d: %v, %s", at, r.kind, r.verdict)
		}
	}
}
