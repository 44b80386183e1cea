package l2tp

// attribute says how one AVP is named and how its value is written: in hexadecimal without a value
// function.
type attribute struct {
	name  string
	key   string // short name in the summary line
	value func(dst, value []byte) ([]byte, bool)
}

// Numbers of the attributes that the package itself reads.
const (
	avpMessageType        = 0
	avpResultCode         = 1
	avpHostName           = 7
	avpVendorName         = 8
	avpAssignedTunnel     = 9
	avpReceiveWindow      = 10
	avpChallenge          = 11
	avpCauseCode          = 12
	avpChallengeResponse  = 13
	avpAssignedSession    = 14
	avpCalledNumber       = 21
	avpCallingNumber      = 22
	avpProxyAuthenName    = 30
	avpRandomVector       = 36
	avpPPPDisconnectCause = 46
	avpMessageDigest      = 59
	avpAssignedConnection = 61
	avpLocalSession       = 63
	avpRemoteSession      = 64
	avpAssignedCookie     = 65
	avpRemoteEnd          = 66
	avpPseudowireType     = 68
	avpSublayer           = 69
	avpNonce              = 73
)

// avps are the attributes of vendor 0 by their number, in IANA's list "Control Message Attribute
// Value Pairs".
var avps = [...]attribute{
	avpMessageType: {"Message Type", "type", sized(2, 2, appendMessageType)},
	avpResultCode:  {"Result Code", "result", appendResult},
	2:              {"Protocol Version", "version", sized(2, 2, appendVersion)},
	3:              {"Framing Capabilities", "framing", appendFraming},
	4:              {"Bearer Capabilities", "bearer", appendBearer},
	5:              {"Tie Breaker", "tie-breaker", appendHex8},
	6:              {"Firmware Revision", "firmware", appendHex16},
	7:              {"Host Name", "host", appendText},
	8:              {"Vendor Name", "vendor", appendText},
	9:              {"Assigned Tunnel ID", "tunnel", appendUint16},
	10:             {"Receive Window Size", "window", appendUint16},
	11:             {"Challenge", "challenge", appendResponse},
	12:             {"Q.931 Cause Code", "cause", sized(3, maxValue, appendCause)},
	13:             {"Challenge Response", "response", appendResponse},
	14:             {"Assigned Session ID", "session", appendUint16},
	15:             {"Call Serial Number", "serial", appendUint32},
	16:             {"Minimum BPS", "min-bps", appendUint32},
	17:             {"Maximum BPS", "max-bps", appendUint32},
	18:             {"Bearer Type", "bearer-type", appendBearer},
	19:             {"Framing Type", "framing-type", appendFraming},
	21:             {"Called Number", "called", appendText},
	22:             {"Calling Number", "calling", appendText},
	23:             {"Sub-Address", "sub-address", appendText},
	24:             {"(Tx) Connect Speed", "tx-speed", appendUint32},
	25:             {"Physical Channel ID", "channel", appendUint32},
	26:             {"Initial Received LCP CONFREQ", "initial-lcp", appendLCPOptions},
	27:             {"Last Sent LCP CONFREQ", "last-sent-lcp", appendLCPOptions},
	28:             {"Last Received LCP CONFREQ", "last-received-lcp", appendLCPOptions},
	29:             {"Proxy Authen Type", "proxy-auth", sized(2, 2, appendProxyType)},
	30:             {"Proxy Authen Name", "proxy-name", appendText},
	31:             {"Proxy Authen Challenge", "proxy-challenge", appendResponse},
	32:             {"Proxy Authen ID", "proxy-id", appendUint16},
	33:             {"Proxy Authen Response", "proxy-response", appendPassword},
	34:             {"Call Errors", "errors", sized(26, 26, appendCallErrors)},
	35:             {"ACCM", "accm", sized(10, 10, appendACCM)},
	36:             {"Random Vector", "random-vector", nil},
	37:             {"Private Group ID", "group", appendText},
	38:             {"Rx Connect Speed", "rx-speed", appendUint32},
	39:             {"Sequencing Required", "sequencing", appendNothing},
	40:             {"Rx Minimum BPS", "rx-min-bps", appendUint32}, // 40 to 45: RFC 3301
	41:             {"Rx Maximum BPS", "rx-max-bps", appendUint32},
	42:             {"Service Category", "service-category", appendUint16},
	43:             {"Service Name", "service", appendText},
	44:             {"Calling Sub-Address", "calling-sub-address", appendText},
	45:             {"VPI/VCI Identifier", "vpi-vci", sized(4, 4, appendVPI)},
	46:             {"PPP Disconnect Cause Code", "ppp-disconnect", sized(5, maxValue, appendPPPDisconnect)}, // RFC 3145
	47:             {"Control Connection DS", "ccds", nil},                                                   // 47, 48: RFC 3308
	48:             {"Session DS", "sds", nil},
	49:             {"LCP Want Options", "lcp-want", appendLCPOptions}, // 49 to 52: RFC 3437
	50:             {"LCP Allow Options", "lcp-allow", appendLCPOptions},
	51:             {"LNS Last Sent LCP CONFREQ", "lns-last-sent-lcp", appendLCPOptions},
	52:             {"LNS Last Received LCP CONFREQ", "lns-last-received-lcp", appendLCPOptions},
	53:             {"Modem On-Hold Capable", "on-hold-capable", nil}, // 53, 54: RFC 3573
	54:             {"Modem On-Hold Status", "on-hold", nil},
	55:             {"PPPoE Relay", "pppoe-relay", nil}, // 55 to 57: RFC 3817
	56:             {"PPPoE Relay Response Capability", "pppoe-response", appendNothing},
	57:             {"PPPoE Relay Forward Capability", "pppoe-forward", appendNothing},
	58:             {"Extended Vendor ID", "extended-vendor", appendUint32}, // 58 to 75: RFC 3931
	59:             {"Message Digest", "digest", sized(1, maxValue, appendDigest)},
	60:             {"Router ID", "router-id", appendAddress},
	61:             {"Assigned Control Connection ID", "connection", appendHex32},
	62:             {"Pseudowire Capabilities List", "pseudowires", appendPseudowires},
	63:             {"Local Session ID", "session", appendHex32},
	64:             {"Remote Session ID", "remote-session", appendHex32},
	65:             {"Assigned Cookie", "cookie", nil},
	66:             {"Remote End ID", "remote-end", appendText},
	68:             {"Pseudowire Type", "pseudowire", sized(2, 2, appendPseudowire)},
	69:             {"L2-Specific Sublayer", "sublayer", appendUint16},
	70:             {"Data Sequencing", "sequencing", appendUint16},
	71:             {"Circuit Status", "circuit", appendHex16},
	72:             {"Preferred Language", "language", appendText},
	73:             {"Control Message Authentication Nonce", "nonce", nil},
	74:             {"Tx Connect Speed", "tx-speed", appendUint64},
	75:             {"Rx Connect Speed", "rx-speed", appendUint64},
	76:             {"Failover Capability", "failover", nil}, // 76 to 79: RFC 4951
	77:             {"Tunnel Recovery", "recovery", nil},
	78:             {"Suggested Control Sequence", "control-sequence", nil},
	79:             {"Failover Session State", "failover-session", nil},
	80:             {"Multicast Capability", "multicast", nil}, // 80 to 84: RFC 4045
	81:             {"New Outgoing Sessions", "new-outgoing", nil},
	82:             {"New Outgoing Sessions Acknowledgement", "new-outgoing-ack", nil},
	83:             {"Withdraw Outgoing Sessions", "withdraw-outgoing", nil},
	84:             {"Multicast Packets Priority", "multicast-priority", nil},
	85:             {"Frame Relay Header Length", "fr-header", appendUint16},             // RFC 4591
	86:             {"ATM Maximum Concatenated Cells Number", "atm-cells", appendUint16}, // 86 to 88: RFC 4454
	87:             {"OAM Emulation Required", "oam", appendNothing},
	88:             {"ATM Alarm Status", "atm-alarm", nil},
	89:             {"Attachment Group Identifier", "attachment-group", nil}, // 89 to 91: RFC 4667
	90:             {"Local End Identifier", "local-end", nil},
	91:             {"Interface Maximum Transmission Unit", "mtu", appendUint16},
	92:             {"FCS Retention", "fcs", appendNothing}, // RFC 4720
	93:             {"Tunnel Switching Aggregator ID", "aggregator", nil},
	94:             {"Maximum Receive Unit", "mru", appendUint16}, // 94, 95: RFC 4623
	95:             {"Maximum Reassembled Receive Unit", "mrru", appendUint16},
	96:             {"VCCV Capability", "vccv", nil},              // RFC 5085
	97:             {"Connect Speed Update", "speed-update", nil}, // 97, 98: RFC 5515
	98:             {"Connect Speed Update Enable", "speed-update-enable", appendNothing},
	99:             {"TDM Pseudowire", "tdm", nil}, // 99, 100: RFC 5611
	100:            {"RTP", "rtp", nil},
	101:            {"PW Switching Point", "switching-point", nil}, // RFC 6073
}
