package l2tp

import (
	"strconv"
)

// Values yields the AVPs of a control message behind its Message Type by name, from its payload,
// data[h.PayloadStart:h.PayloadEnd]: "Host Name" "iPhone", "Receive Window Size" 4. A value is a
// string for people, a uint64 where it is a number, or true for an attribute without a value. What
// is damaged is yielded last as "malformed" with the reason. A name can come more than once.
func Values(payload []byte) func(yield func(name string, value any) bool) {
	return func(yield func(name string, value any) bool) {
		message, _ := MessageType(payload)
		for a, err := range walkAVPs(payload) {
			if err != nil {
				yield("malformed", err.Error()[len("l2tp: "):])
				return
			}
			if a.Vendor == 0 && a.Type == avpMessageType && message != 0 {
				continue
			}
			if !yield(a.name(), a.says(message)) {
				return
			}
		}
	}
}

// says is the value of an AVP in a message of that type, as [Values] yields it. It is a number where
// it is written as the decimal of all its bytes, which no text is.
func (a *avp) says(message uint16) any {
	text := string(a.appendIn(nil, message))
	if text == "" {
		return true
	}
	if n := len(a.Value); n > 0 && n <= 8 {
		number := uint64(0)
		for _, b := range a.Value {
			number = number<<8 | uint64(b)
		}
		if text == strconv.FormatUint(number, 10) {
			return number
		}
	}
	return text
}

// Result is a Result Code AVP (RFC 2661 section 4.4.2): why a StopCCN or a CDN ends a tunnel or a
// session.
type Result struct {
	Code      uint16 `json:"code"`
	Text      string `json:"text,omitempty"`  // what the code means, "" unknown
	Error     uint16 `json:"error,omitempty"` // 0 none
	ErrorText string `json:"error_text,omitempty"`
	Message   string `json:"message,omitempty"` // of the sender, fit for a terminal
}

// ResultOf returns what the Result Code AVP of a control message says; ok is false where there is
// none that can be read.
func ResultOf(payload []byte) (r Result, ok bool) {
	message, _ := MessageType(payload)
	for a, err := range walkAVPs(payload) {
		if err == nil && a.Vendor == 0 && a.Type == avpResultCode && !a.Hidden {
			return readResult(a.Value, message)
		}
	}
	return Result{}, false
}
