// Package salookup finds which key opens the ESP packets of an SPI.
//
// What key sources say are secrets, what a Quick Mode in the capture agreed on is a negotiated SA;
// both are sources. [Candidates] makes of the sources of an SPI all complete guesses (algorithms,
// keys, length of the ICV). A [Flow], which is the packets of an SPI to one destination, is unknown
// while there is no source, trying while no candidate has proved right, and open from then on:
//
//	                 in capture order                             any goroutine        in capture order
//	unknown   Table.Admit ─> try: nothing to try ─────────────────────────────────> Flow.Count
//	trying    Table.Admit ─> try: attempt: Trial.Try ─> refused ──────────────────> Flow.Count
//	                         └─ one proves right ─> open: a Ring ┐
//	open      Table.Admit ───────────────────────────────────────┴> Ring.Open ────> Flow.Count: window
//	          flow.go        attempt.go, trial.go                     ring.go       account.go
//
// A packet is an attempt as long as there have been few; after that probes, which are the
// candidates made ready, look at it, as far as the budget of the table goes. An open flow costs a
// look into the table. Its [Ring] has the SA that proved right and, in case the SPI comes into use
// again, the other candidates: only a packet that the right one does not open is tried with these.
//
// Sequence numbers, and the high half of extended ones, are moved by [Flow.Count] alone, and only
// by packets that a key opened. What no key opened changes nothing for what one did: flows are
// forgotten in the order of [kind], each in the time that one list operation takes.
//
// The package explains nothing. It keeps the first few packets of a flow that failed, for package
// why.
package salookup
