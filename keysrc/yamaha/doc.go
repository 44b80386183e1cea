// Package yamaha reads the log of a Yamaha router (`ipsec ike log N key-info` and `syslog debug
// on`), and what its commands `show ipsec sa gateway N detail` and `show status pp N` print.
//
// The way of a line of text:
//
//	Reader    puts together what a console broke, takes apart what was joined, and sorts by
//	          tag: [IKE], [IKE1], [IKE2], or a listing
//	log       holds a window of labels and rows of bytes until it is clear which of them come
//	          first in the file, the oldest or the newest
//	event     is a label and its rows: time, value, line; or what is wrong with the value
//	timeline  keeps apart what is of another time
//	assembler makes secrets of events in the order of time: an exchange is a phase 1, a run is
//	          the phases 2 at a time
//
// Nothing in a value says which negotiation it is of. Where there is one that it can belong to, it
// is that one's. Otherwise a SKEYID_e is given out without cookie, and an ESP key with each SPI
// that it may be of, marked Uncertain: the packets decide. A value is never put together of rows
// that may be of two: it is left out, and a note names its line.
package yamaha
