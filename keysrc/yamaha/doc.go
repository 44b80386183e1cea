// Package yamaha reads the log of a Yamaha router (`ipsec ike log N key-info` and `syslog debug
// on`), and what its commands `show ipsec sa gateway N detail` and `show status pp N` print.
//
// The way of a line of text:
//
//	Reader   puts lines together that a console broke, and sorts them by tag: [IKE], [IKE1], [IKE2], or a listing
//	log      gathers a window of captions and rows of bytes until it is clear which of them come first in the file,
//	         the oldest or the newest
//	event    is a caption and its rows: time, label, value, line; or what is wrong with the value
//	timeline brings events into the order of time, and keeps apart what is of another time
//	assembler makes ikev1.Secret and esp.Secret of them: exchange is a phase 1, run is the phases 2 at a time
//
// Nothing in a value says which negotiation it is of. Where there is one that it can belong to, it
// is that one's. Otherwise a SKEYID_e is given out without cookie, and an ESP key with each SPI
// that it may be of, marked Uncertain: the packets decide. A value is never put together of rows
// that may be of two: it is left out, and a note names its line.
package yamaha
