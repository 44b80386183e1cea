// Package why says what became of packets, flows, exchanges and keys, and why: verdict, cause,
// cure. From facts that other packages gather its functions make a [Finding] or a [KeyFinding];
// they change nothing. No other package decides for one of the words of [Verdict].
//
//	Packet, PacketReason     esp.go         one ESP packet
//	Undecoded, Snapped       verdict.go     what the frame alone shows
//	Diagnosis.ESP            diagnosis.go   a flow of ESP, from its sources, a few packets that failed, and its neighbours
//	                         foreign.go     and from what opens them though it is not given for them
//	Failed                   esp.go         those of its packets that its key does not open
//	Diagnosis.WrongKeys      keys.go        keys that the packets, or other keys, prove wrong
//	Diagnosis.Unused         keys.go        keys that opened nothing
//	Message, ISAKMP          ike.go         an IKE message, an ISAKMP SA
//	IKEKeys                  ike.go         keys of IKE that are proved wrong
//	UnusedIKE                unused.go      and those that fit no SA
package why
