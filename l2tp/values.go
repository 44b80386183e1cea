package l2tp

import (
	"strconv"

	"l2tpdump/l2tp/printable"
)

// says is the value of an AVP in a message of that type, as [Control.Values] yields it. It is a
// number where it is written as the decimal of all its bytes, which no text is, and a
// [printable.Text] where it is written as one.
func (a *avp) says(message uint16) any {
	text := string(a.appendValue(nil, message))
	if text == "" {
		return true
	}
	size := len(a.Value)
	switch n := number(a.Value); {
	case 0 < size && size <= 8 && text == strconv.FormatUint(n, 10):
		return n
	case text == string(printable.Append(nil, a.Value)):
		return printable.NewText(a.Value)
	}
	return text
}

// Result is a Result Code AVP (RFC 2661 section 4.4.2): why a StopCCN or a CDN ends a tunnel or a
// session.
type Result struct {
	Code      uint16         `json:"code"`
	Text      string         `json:"text,omitempty"`  // what the code means, "" unknown
	Error     uint16         `json:"error,omitempty"` // 0 none
	ErrorText string         `json:"error_text,omitempty"`
	Message   printable.Text `json:"message,omitempty"` // of the sender
}
