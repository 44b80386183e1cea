package ikev1

import "strconv"

// numbered names a number that has no name: "group 99".
func numbered[T ~uint8 | ~uint16 | ~uint32](what string, n T) string {
	return what + " " + strconv.FormatUint(uint64(n), 10)
}

// nameOf returns the name of a number, "group 99" for one that has none.
func nameOf[T ~uint8 | ~uint16 | ~uint32](names map[T]string, what string, n T) string {
	if s, ok := names[n]; ok {
		return s
	}
	return numbered(what, n)
}

// knownName is nameOf for a number that may be absent: "" for 0.
func knownName(names map[uint16]string, what string, n uint16) string {
	if n == 0 {
		return ""
	}
	return nameOf(names, what, n)
}

// ExchangeType is the number of an exchange.
type ExchangeType uint8

// The exchanges of ISAKMP (RFC 2408 section 3.1), IKEv1 (RFC 2409) and Mode-Config.
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
	ExchangeBase: "base", ExchangeMain: "main", ExchangeAuthOnly: "auth only",
	ExchangeAggressive: "aggressive", ExchangeInformational: "informational",
	ExchangeTransaction: "transaction", ExchangeQuick: "quick", ExchangeNewGroup: "new group",
}

// String returns the name of an IKEv1 exchange, or "exchange 99".
func (t ExchangeType) String() string { return nameOf(exchangeNames, "exchange", t) }

// exchangeNamesV2 has the exchanges of IKEv2 by their IANA names.
var exchangeNamesV2 = map[ExchangeType]string{
	34: "IKE_SA_INIT", 35: "IKE_AUTH", 36: "CREATE_CHILD_SA", 37: "INFORMATIONAL",
	38: "IKE_SESSION_RESUME", 39: "GSA_AUTH", 40: "GSA_REGISTRATION", 41: "GSA_REKEY",
	43: "IKE_INTERMEDIATE", 44: "IKE_FOLLOWUP_KE",
}

var payloadNames = map[PayloadType]string{
	PayloadNone: "none", PayloadSA: "SA", PayloadProposal: "P", PayloadTransform: "T",
	PayloadKE: "KE", PayloadID: "ID", PayloadCert: "CERT", PayloadCertRequest: "CR",
	PayloadHash: "HASH", PayloadSignature: "SIG", PayloadNonce: "NONCE", PayloadNotify: "N",
	PayloadDelete: "D", PayloadVendorID: "VID", PayloadConfig: "ATTR", PayloadSAK: "SAK",
	PayloadSAT: "SAT", 17: "KD", 18: "SEQ", 19: "POP", PayloadNATD: "NAT-D",
	PayloadNATOA: "NAT-OA", PayloadGAP: "GAP", PayloadNATDDraft: "NAT-D",
	PayloadNATOADraft: "NAT-OA", PayloadFragment: "FRAG",
}

// String returns the short name of the payload, such as "KE", or "payload 99".
func (t PayloadType) String() string { return nameOf(payloadNames, "payload", t) }

var protocolNames = map[protocolID]string{1: "isakmp", 2: "ah", 3: "esp", 4: "ipcomp"}

// String returns the name of the protocol in lower case, such as "esp", or "protocol 99".
func (p protocolID) String() string { return nameOf(protocolNames, "protocol", p) }

var ipcompTransforms = map[uint16]string{1: "oui", 2: "deflate", 3: "lzs", 4: "lzjh"}

// authMethods has the authentication methods of phase 1 (RFC 2409 appendix A, RFC 4754,
// draft-ietf-ipsec-isakmp-hybrid-auth, draft-beaulieu-ike-xauth).
var authMethods = map[uint16]string{
	1: "psk", 2: "dss-sig", 3: "rsa-sig", 4: "rsa-enc", 5: "rsa-revised-enc", 6: "elgamal-enc",
	7: "elgamal-revised-enc", 8: "ecdsa-sig", 9: "ecdsa-256", 10: "ecdsa-384", 11: "ecdsa-521",
	64221: "hybrid-init-rsa", 64222: "hybrid-resp-rsa", 64223: "hybrid-init-dss",
	64224: "hybrid-resp-dss", 65001: "xauth-init-psk", 65002: "xauth-resp-psk",
	65003: "xauth-init-dss", 65004: "xauth-resp-dss", 65005: "xauth-init-rsa",
	65006: "xauth-resp-rsa", 65007: "xauth-init-rsa-enc", 65008: "xauth-resp-rsa-enc",
	65009: "xauth-init-rsa-revised-enc", 65010: "xauth-resp-rsa-revised-enc",
}

// authMethodName returns the name of a phase 1 authentication method: "psk", "rsa-sig",
// "xauth-init-psk", or "method 99".
func authMethodName(method uint16) string { return nameOf(authMethods, "method", method) }

// groupNames has the Diffie-Hellman groups (IANA, Internet Key Exchange attributes).
var groupNames = map[uint16]string{
	1: "modp768", 2: "modp1024", 3: "ec2n155", 4: "ec2n185", 5: "modp1536", 14: "modp2048",
	15: "modp3072", 16: "modp4096", 17: "modp6144", 18: "modp8192", 19: "ecp256", 20: "ecp384",
	21: "ecp521", 22: "modp1024s160", 23: "modp2048s224", 24: "modp2048s256", 25: "ecp192",
	26: "ecp224", 27: "ecp224bp", 28: "ecp256bp", 29: "ecp384bp", 30: "ecp512bp", 31: "curve25519",
	32: "curve448",
}

// groupName returns the name of a Diffie-Hellman group: "modp2048", "ecp384", or "group 99".
func groupName(group uint16) string { return nameOf(groupNames, "group", group) }

// notifyNames has the notifications of RFC 2408, RFC 2407, RFC 3706 and Cisco's Unity.
var notifyNames = map[notifyType]string{
	1: "INVALID-PAYLOAD-TYPE", 2: "DOI-NOT-SUPPORTED", 3: "SITUATION-NOT-SUPPORTED",
	4: "INVALID-COOKIE", 5: "INVALID-MAJOR-VERSION", 6: "INVALID-MINOR-VERSION",
	7: "INVALID-EXCHANGE-TYPE", 8: "INVALID-FLAGS", 9: "INVALID-MESSAGE-ID",
	10: "INVALID-PROTOCOL-ID", 11: "INVALID-SPI", 12: "INVALID-TRANSFORM-ID",
	13: "ATTRIBUTES-NOT-SUPPORTED", 14: "NO-PROPOSAL-CHOSEN",
	15: "BAD-PROPOSAL-SYNTAX", 16: "PAYLOAD-MALFORMED", 17: "INVALID-KEY-INFORMATION",
	18: "INVALID-ID-INFORMATION", 19: "INVALID-CERT-ENCODING", 20: "INVALID-CERTIFICATE",
	21: "CERT-TYPE-UNSUPPORTED", 22: "INVALID-CERT-AUTHORITY", 23: "INVALID-HASH-INFORMATION",
	24: "AUTHENTICATION-FAILED", 25: "INVALID-SIGNATURE", 26: "ADDRESS-NOTIFICATION",
	27: "NOTIFY-SA-LIFETIME", 28: "CERTIFICATE-UNAVAILABLE", 29: "UNSUPPORTED-EXCHANGE-TYPE",
	30: "UNEQUAL-PAYLOAD-LENGTHS", notifyConnected: "CONNECTED",
	notifyResponderLifetime: "RESPONDER-LIFETIME", notifyReplayStatus: "REPLAY-STATUS",
	24578: "INITIAL-CONTACT", notifyRUThere: "R-U-THERE",
	notifyRUThereAck: "R-U-THERE-ACK", 40501: "UNITY-LOAD-BALANCE", 40503: "UNITY-GROUP-HASH",
}

// String returns the name of the notification, such as "INITIAL-CONTACT", or "notification 99".
func (t notifyType) String() string { return nameOf(notifyNames, "notification", t) }

// configAttributes has the attributes of Mode-Config, XAUTH and Cisco's Unity.
var configAttributes = map[uint16]string{
	1: "INTERNAL_IP4_ADDRESS", 2: "INTERNAL_IP4_NETMASK", 3: "INTERNAL_IP4_DNS",
	4: "INTERNAL_IP4_NBNS", 5: "INTERNAL_ADDRESS_EXPIRY", 6: "INTERNAL_IP4_DHCP",
	7: "APPLICATION_VERSION", 8: "INTERNAL_IP6_ADDRESS", 9: "INTERNAL_IP6_NETMASK",
	10: "INTERNAL_IP6_DNS", 11: "INTERNAL_IP6_NBNS", 12: "INTERNAL_IP6_DHCP",
	13: "INTERNAL_IP4_SUBNET", 14: "SUPPORTED_ATTRIBUTES", 15: "INTERNAL_IP6_SUBNET",
	attributeXAuthType: "XAUTH_TYPE", attributeXAuthUserName: "XAUTH_USER_NAME",
	attributeXAuthPassword: "XAUTH_USER_PASSWORD", 16523: "XAUTH_PASSCODE",
	attributeXAuthMessage: "XAUTH_MESSAGE", 16525: "XAUTH_CHALLENGE",
	attributeXAuthDomain: "XAUTH_DOMAIN", attributeXAuthStatus: "XAUTH_STATUS",
	16528: "XAUTH_NEXT_PIN", 16529: "XAUTH_ANSWER", 28672: "UNITY_BANNER",
	28673: "UNITY_SAVE_PASSWD", 28674: "UNITY_DEF_DOMAIN", 28675: "UNITY_SPLIT_DOMAIN",
	28676: "UNITY_SPLIT_INCLUDE", 28677: "UNITY_NATT_PORT", 28678: "UNITY_SPLIT_EXCLUDE",
	28679: "UNITY_PFS", 28680: "UNITY_FW_TYPE", 28681: "UNITY_BACKUP_SERVERS",
	28682: "UNITY_DDNS_HOSTNAME",
}

// configAttributeName returns the name of an attribute of Mode-Config or XAUTH, such as
// "XAUTH_USER_NAME", or "attribute 99".
func configAttributeName(t uint16) string { return nameOf(configAttributes, "attribute", t) }

// phase1Attributes and phase2Attributes have the attributes of transforms that terms does not.
var phase1Attributes = map[uint16]string{
	5: "group type", 6: "group prime", 7: "group generator 1", 8: "group generator 2", 9: "group curve A",
	10: "group curve B", 13: "prf", 15: "field size", 16: "group order",
}

var phase2Attributes = map[uint16]string{
	7: "key rounds", 8: "compress dictionary size", 9: "compress private algorithm", 10: "ecn tunnel",
	12: "auth key length", 13: "signature encoding", 14: "address preservation", 15: "sa direction",
}

// certEncodings has the certificate encodings (RFC 2408 section 3.9).
var certEncodings = map[uint8]string{
	1: "pkcs7", 2: "pgp", 3: "dns", 4: "x509", 5: "x509-key-exchange", 6: "kerberos", 7: "crl",
	8: "arl", 9: "spki", 10: "x509-attribute",
}
