// Package sessions gathers what a user calls "my VPN connection" from the records of the pipeline,
// and says how it went: whether it came up, who it was, and why it ended or never began.
//
// A session goes from the first message of main or aggressive mode to the last packet. It survives
// the renewal of the keys of both phases, and changes of the client's address and port; a new dial
// begins another one. L2TP without IPsec, and IPsec without L2TP, are sessions too.
//
//	record ─> Gatherer ─┬─ IKE:  exchange (ike.go)     ─┐
//	                    ├─ ESP:  flow (esp.go)          ├─ association (association.go) ─> Session (session.go)
//	                    ├─ L2TP: tunnel, call           │
//	                    └─ PPP:  link (ppp.go)         ─┘
//	Session ─> judge (cause.go): the first rule that applies of cause_*.go ─> Finding ─> text.go, json.go
//
// Gathering takes note of facts and has no opinion; the rules are pure functions of these facts.
// What the packets do not show is not claimed: a capture that begins late, or that lacks a
// direction, accuses nobody.
//
// A packet that no key authenticated changes nothing that an authenticated one made: what L2TP says
// in clear is kept apart from what it says inside ESP, and counts for a session only where nothing
// was opened.
package sessions
