// Package keysrc reads IKEv1 and ESP keys from where they already are: the log of a Yamaha router,
// Wireshark's key tables, the ESP secrets of pcapng, the state of a kernel's SAs, the logs of IKE
// daemons.
//
// A source is recognised by its content, line by line; one source may mix formats. What is found
// are ikev1.Secret and esp.Secret values, which never print their bytes. A value that is damaged in
// its source is never put together from pieces of others: it is left out, and a Note names file and
// line. A value that is kept although something may be missing has a Note that is marked as a
// doubt.
//
//	keys, err := keysrc.ParseFile("router.log", "")
//	if err != nil {
//		return err // as in "router.log: no key in 120 lines: it is a Yamaha router's log, but …"
//	}
//	for _, n := range keys.Notes {
//		log.Print(n)
//	}
//	for _, s := range keys.IKE {
//		tracker.AddSecret(s)
//	}
//
// # The way of a line
//
//	splitter     cuts what is read into lines, and takes out what is no text; says
//	             which bytes that a wrapping is known by are near                  lines.go
//	unwrapper    takes the messages out of JSON                                    unwrap_json.go
//	turner       turns a log whose newest line comes first                         turn.go
//	unwrapper    takes lines out of CSV, web pages, quoted mail, syslog, the like  unwrap*.go
//	Stream.offer gives a line to the parsers that run, and if it is nobody's to
//	             the formats, each of which starts with its first sure sign        parse.go
//	parser       one for each Format: takes lines, puts secrets, notes and doubts
//	             into its output                                                   format.go
//	Seen         drops what was said before; the rest is in Keys                   seen.go
//
// # SKEYID_e in a router's log
//
// A Yamaha router logs a value in rows of 16 bytes. If the second row of a SKEYID_e is missing, 16
// bytes are left, and that is the length of an MD5 one too. Where SKEYID, SKEYID_d or SKEYID_a
// stand beside it they tell the length of the hash: of 20 bytes the 16 must be the first, and the
// secret is marked SKEYIDeHead; of 32 and more they may be the first or the last, and the value is
// left out. Where nothing tells, the 16 bytes are given out unmarked with a doubt: the capture
// names the hash, and with it how long the value has to be. The router logs up to 32 bytes of a
// longer one, which are always enough for the key of a cipher.
//
// Wireshark's tables have no specification; what is read here is what Wireshark 3 and 4 write. The
// secrets of pcapng are those of draft-ietf-opsawg-pcapng. RFC 2409 names the keys of IKE, RFC 4303
// is ESP.
package keysrc
