package l2tp

import (
	"encoding/binary"

	"l2tpdump/l2tp/printable"
)

// Facts are what the AVPs of a control message say. Its strings are fit for a terminal.
type Facts struct {
	Type            uint16         // 0 of a ZLB
	Tunnel, Session uint32         // that the sender assigned; 0 not named
	Host, Vendor    printable.Text // Host Name and Vendor Name, of SCCRQ and SCCRP
	Window          uint16         // Receive Window Size
	HasWindow       bool
	Challenge       bool // a Challenge AVP: the tunnel is to be authenticated
	HiddenID        bool // an ID that the sender assigned is hidden, and the secret not known

	// The Result Code of StopCCN and CDN (RFC 2661 section 4.4.2).
	HasResult     bool
	Result, Error uint16
	Text          string // code, name and message: "2 general error, error 4 insufficient resources, \"pool empty\""
	Message       string // the message alone
	Disconnect    string // PPP Disconnect Cause Code (RFC 3145)
}

// Facts are what the AVPs say, up to damage; hidden ones only if the secret is known.
func (m *Control) Facts() (c Facts) {
	c = Facts{
		Type: m.kind, Tunnel: m.number(avpAssignedTunnel), Session: m.number(avpAssignedSession),
		Host: printable.Text(m.text(avpHostName)), Vendor: printable.Text(m.text(avpVendorName)),
	}
	for _, a := range m.avps {
		if a.Vendor != 0 {
			continue
		}
		if a.covered() {
			c.HiddenID = c.HiddenID || a.Type == avpAssignedTunnel || a.Type == avpAssignedSession
			continue
		}
		switch a.Type {
		case avpReceiveWindow:
			c.Window, c.HasWindow = uint16(m.number(avpReceiveWindow)), len(a.Value) == 2
		case avpChallenge:
			c.Challenge = true
		case avpResultCode:
			c.result(a.Value)
		case avpPPPDisconnectCause:
			text, _ := a.attribute().value(nil, a.Value)
			c.Disconnect = string(text)
		}
	}
	return c
}

// result reads a Result Code AVP. Some senders swap the bytes of the code: no code is 256 or more.
func (c *Facts) result(v []byte) {
	if len(v) < 2 {
		return
	}
	c.HasResult, c.Result = true, binary.BigEndian.Uint16(v)
	if c.Result&0xff == 0 {
		c.Result >>= 8
	}
	text, _ := appendResultOf(nil, v, c.Type)
	c.Text = string(text)
	if len(v) >= 4 {
		c.Error = binary.BigEndian.Uint16(v[2:])
		c.Message = printable.NewText(v[4:]).String()
	}
}
