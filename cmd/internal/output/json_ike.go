package output

import (
	"fmt"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/ikev1"
)

type jsonIKE struct {
	InitiatorCookie string   `json:"initiator_cookie"`
	ResponderCookie string   `json:"responder_cookie"`
	Version         string   `json:"version"` // "IKEv1"
	Exchange        string   `json:"exchange"`
	Message         int      `json:"message,omitempty"`
	MessageID       string   `json:"message_id"`
	From            string   `json:"from,omitempty"`     // initiator or responder: of phase 1, later of the exchange
	Response        bool     `json:"response,omitempty"` // IKEv2
	Length          uint32   `json:"length"`             // bytes, as the header says
	Encrypted       bool     `json:"encrypted,omitempty"`
	Payloads        []string `json:"payloads,omitempty"`
	Retransmission  bool     `json:"retransmission,omitempty"`
	Reconstructed   bool     `json:"reconstructed,omitempty"`

	Contents   []ikev1.Fields `json:"contents,omitempty"`    // of each payload
	NotCovered []string       `json:"not_covered,omitempty"` // payloads that the HASH does not prove

	// Where a datagram holds several messages: the verdict on each, and all but the first.
	Verdict string     `json:"verdict,omitempty"`
	Reason  string     `json:"reason,omitempty"`
	More    []*jsonIKE `json:"more,omitempty"`
}

// ikeObject describes an IKE message.
func ikeObject(m *pipeline.Message) *jsonIKE {
	o := &jsonIKE{
		Version:         m.Header.VersionName(),
		Response:        m.Header.ResponseV2(),
		Length:          m.Header.Length,
		Encrypted:       m.Encrypted,
		Contents:        m.Fields(),
		InitiatorCookie: m.Header.InitiatorCookie.String(),
		ResponderCookie: m.Header.ResponderCookie.String(),
		Exchange:        m.Header.ExchangeName(),
		Message:         m.Number,
		MessageID:       fmt.Sprintf("0x%08x", m.Header.MessageID),
		Payloads:        m.PayloadNames(),
		Retransmission:  m.Retransmission,
		Reconstructed:   m.Reconstructed,
	}
	if m.Number > 0 {
		o.From = "responder"
		if m.FromInitiator {
			o.From = "initiator"
		}
	}
	if m.Encrypted {
		o.NotCovered = m.Uncovered()
	}
	return o
}
