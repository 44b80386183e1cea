package ppp

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// State is what became of a frame.
type State uint8

const (
	Plain      State = iota // it is neither compressed nor encrypted, and no fragment
	Expanded                // what it held was given out, or is part of a packet that was
	Held                    // it waits for frames that ought to have come before it, or for other fragments
	Waiting                 // it can't be read: what it needs is lost, until the next reset
	NoKey                   // it is encrypted, and the key is not known
	Unknown                 // with what it is compressed or encrypted is not known, or not in this package
	Damaged                 // it does not expand, or not to a packet whose checksums are right
	Repeated                // it has come before, or too late
	Incomplete              // it is a fragment of a packet of which others are lost
	numStates
)

// String says of a frame what became of it: "expanded", "waiting for a reset".
func (s State) String() string { return stateNames[s] }

var stateNames = [numStates]string{
	Plain: "plain", Expanded: "expanded", Held: "waiting for others", Waiting: "waiting for a reset", NoKey: "no key",
	Unknown: "unknown compression", Damaged: "damaged", Repeated: "late or repeated", Incomplete: "incomplete",
}

// Packet is a packet of the network layer that came out of frames that were compressed, encrypted
// or fragments.
type Packet struct {
	Protocol uint16
	Data     []byte
}

// Result is what Link.Expand found. It is valid until the next call for any link of the Expander.
type Result struct {
	State       State
	Packets     []Packet // of this frame, and of earlier ones that had waited for it, in their order
	Compression string   // with what the sender compresses or encrypts, as CCP names it: "deflate", "mppe"; "" not known
	Fragment    bool     // of Multilink, with its sequence number and bits:
	Number      uint32
	Begin, End  bool
}

// Counts are of the frames that were no plain ones, by what became of them.
type Counts struct {
	States [numStates]uint64 // by State; of Held those that still wait
	Lost   uint64            // packets and fragments that never came, by their sequence numbers
}

// Plus is the sum of two counts.
func (c Counts) Plus(other Counts) Counts {
	for i, n := range other.States {
		c.States[i] += n
	}
	c.Lost += other.Lost
	return c
}

// String is "228 compressed, encrypted or split: 220 expanded, 8 waiting for a reset; 2 lost".
func (c Counts) String() string {
	total := uint64(0)
	var parts []string
	for s, n := range c.States {
		if total += n; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, State(s)))
		}
	}
	text := fmt.Sprintf("%d compressed, encrypted or split: %s", total, strings.Join(parts, ", "))
	if c.Lost > 0 {
		text += fmt.Sprintf("; %d lost", c.Lost)
	}
	return text
}

// Limits of an Expander.
const (
	maxStateBytes = 64 << 20 // of all state of compression and reassembly
	maxFindings   = 1000
)

// Expander expands and decrypts the frames of any number of links. It is for one goroutine. The
// memory it takes is bounded: of state that has not been used for long it keeps so little that the
// next reset is needed.
type Expander struct {
	secrets  *Secrets
	inflater inflater
	bundles  map[string][]*bundle            // of Multilink, by their ends
	between  map[[2]netip.AddrPort][]*bundle // the same by the ends' addresses, the lower first
	loaded   map[*bundle]struct{}            // those that have state
	bytes    int                             // of all state
	clock    uint64

	// Of the frame at hand.
	arena    []byte // what was expanded
	packets  []Packet
	frames   int // how many the packet came in
	position Position

	held     uint64
	counts   Counts
	findings map[Finding]uint64
}

// NewExpander returns an Expander that knows passwords, nil for none.
func NewExpander(secrets *Secrets) *Expander {
	return &Expander{
		secrets:  secrets,
		bundles:  make(map[string][]*bundle),
		between:  make(map[[2]netip.AddrPort][]*bundle),
		loaded:   make(map[*bundle]struct{}),
		findings: make(map[Finding]uint64),
	}
}

// Counts returns the counts so far.
func (x *Expander) Counts() Counts {
	c := x.counts
	c.States[Held] = x.held
	return c
}

// count takes note of what became of frames that did not wait.
func (x *Expander) count(s State, frames int) {
	if s == Held {
		x.held += uint64(frames)
	} else {
		x.counts.States[s] += uint64(frames)
	}
}

// settle takes note of what became of frames that have waited.
func (x *Expander) settle(s State, frames int) {
	x.held -= uint64(frames)
	x.count(s, frames)
}

// account takes note of how much memory a bundle takes, and makes room if it is too much.
func (x *Expander) account(b *bundle) {
	x.clock++
	b.used = x.clock
	size := b.bytes()
	x.bytes += size - b.size
	b.size = size
	if size > 0 {
		x.loaded[b] = struct{}{}
	}
	if x.bytes <= maxStateBytes {
		return
	}
	byUse := func(a, b *bundle) int { return cmp.Compare(a.used, b.used) }
	for _, b := range slices.SortedFunc(maps.Keys(x.loaded), byUse) {
		if x.bytes <= maxStateBytes*7/8 {
			return
		}
		b.evict()
		x.forgetSize(b)
	}
}

// forgetSize takes note that a bundle has no state any more.
func (x *Expander) forgetSize(b *bundle) {
	x.bytes -= b.size
	b.size = 0
	delete(x.loaded, b)
}

// list puts a bundle where links find it that are of the same ends.
func (x *Expander) list(b *bundle) {
	b.key, b.order = endsKey(b.endpoints, b.addresses, b.user)
	x.bundles[b.key] = append(x.bundles[b.key], b)
	pair := lowerFirst(b.addresses)
	x.between[pair] = append(x.between[pair], b)
}

// unlist takes a bundle out from there.
func (x *Expander) unlist(b *bundle) {
	if b.key != "" {
		removeFrom(x.bundles, b.key, b)
		removeFrom(x.between, lowerFirst(b.addresses), b)
		b.key = ""
	}
}

func removeFrom[K comparable](lists map[K][]*bundle, key K, b *bundle) {
	others := slices.DeleteFunc(lists[key], func(other *bundle) bool { return other == b })
	if lists[key] = others; len(others) == 0 {
		delete(lists, key)
	}
}

// lowerFirst are the addresses of two ends, the lower first.
func lowerFirst(a [2]netip.AddrPort) [2]netip.AddrPort {
	if a[0].Compare(a[1]) > 0 {
		a[0], a[1] = a[1], a[0]
	}
	return a
}

// endsKey names the ends that the links of a bundle have in common: by their endpoint
// discriminators; where neither these nor the user are known, by their addresses. first is the end
// that it begins with, for links may be dialled from either.
func endsKey(endpoints [2]string, addresses [2]netip.AddrPort, user string) (key string, first int) {
	order := cmp.Or(cmp.Compare(endpoints[0], endpoints[1]), addresses[0].Compare(addresses[1]))
	if endpoints == [2]string{} && user == "" {
		endpoints = [2]string{addresses[0].String(), addresses[1].String()}
	}
	if order > 0 {
		first = 1
	}
	return endpoints[first] + "\x00" + endpoints[1-first], first
}
