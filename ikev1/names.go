package ikev1

import "fmt"

// ExchangeType is the number of an exchange.
type ExchangeType uint8

// The exchanges of ISAKMP (RFC 2408 section 3.1), IKEv1 (RFC 2409) and
// Mode-Config.
const (
	ExchangeBase          ExchangeType = 1
	ExchangeMain          ExchangeType = 2 // identity protection
	ExchangeAuthOnly      ExchangeType = 3
	ExchangeAggressive    ExchangeType = 4
	ExchangeInformational ExchangeType = 5
	ExchangeTransaction   ExchangeType = 6
	ExchangeQuick         ExchangeType = 32
	ExchangeNewGroup      ExchangeType = 33
)

var exchangeNames = map[ExchangeType]string{
	ExchangeBase:          "base",
	ExchangeMain:          "main",
	ExchangeAuthOnly:      "auth only",
	ExchangeAggressive:    "aggressive",
	ExchangeInformational: "informational",
	ExchangeTransaction:   "transaction",
	ExchangeQuick:         "quick",
	ExchangeNewGroup:      "new group",
}

// String returns the name of an IKEv1 exchange, or "exchange 99".
func (t ExchangeType) String() string {
	if s, ok := exchangeNames[t]; ok {
		return s
	}
	return fmt.Sprintf("exchange %d", uint8(t))
}

// exchangeNamesV2 has the exchanges of IKEv2 by their IANA names.
var exchangeNamesV2 = map[ExchangeType]string{
	34: "IKE_SA_INIT",
	35: "IKE_AUTH",
	36: "CREATE_CHILD_SA",
	37: "INFORMATIONAL",
	38: "IKE_SESSION_RESUME",
	39: "GSA_AUTH",
	40: "GSA_REGISTRATION",
	41: "GSA_REKEY",
	42: "GSA_INBAND_REKEY",
	43: "IKE_INTERMEDIATE",
	44: "IKE_FOLLOWUP_KE",
}

var payloadNames = map[PayloadType]string{
	PayloadNone:        "none",
	PayloadSA:          "SA",
	PayloadProposal:    "P",
	PayloadTransform:   "T",
	PayloadKE:          "KE",
	PayloadID:          "ID",
	PayloadCert:        "CERT",
	PayloadCertRequest: "CR",
	PayloadHash:        "HASH",
	PayloadSignature:   "SIG",
	PayloadNonce:       "NONCE",
	PayloadNotify:      "N",
	PayloadDelete:      "D",
	PayloadVendorID:    "VID",
	PayloadConfig:      "ATTR",
	PayloadSAK:         "SAK",
	PayloadSAT:         "SAT",
	PayloadKD:          "KD",
	PayloadSEQ:         "SEQ",
	PayloadPOP:         "POP",
	PayloadNATD:        "NAT-D",
	PayloadNATOA:       "NAT-OA",
	PayloadGAP:         "GAP",
	PayloadNATDDraft:   "NAT-D",
	PayloadNATOADraft:  "NAT-OA",
	PayloadFragment:    "FRAG",
}

// String returns the short name of the payload, such as "KE", or "payload 99".
func (t PayloadType) String() string {
	if s, ok := payloadNames[t]; ok {
		return s
	}
	return fmt.Sprintf("payload %d", uint8(t))
}

// String returns the name of the protocol in lower case: "esp".
func (p ProtocolID) String() string {
	switch p {
	case ProtocolISAKMP:
		return "isakmp"
	case ProtocolAH:
		return "ah"
	case ProtocolESP:
		return "esp"
	case ProtocolIPCOMP:
		return "ipcomp"
	}
	return fmt.Sprintf("protocol %d", uint8(p))
}
