package inner

import (
	"encoding/binary"
	"net/netip"
)

// groupRecord is a record of a report of IGMP version 3 (RFC 3376 section 4.2) or MLD version 2
// (RFC 3810 section 5.2).
type groupRecord struct {
	Group   netip.Addr   `json:"group"`
	Change  string       `json:"change"` // "to_ex"
	Sources []netip.Addr `json:"sources,omitempty"`
}

// groupChanges are the types of records as tcpdump writes them.
var groupChanges = [...]string{"type 0", "is_in", "is_ex", "to_in", "to_ex", "allow", "block"}

// maxRecords is how many records, and sources of one, are told.
const maxRecords = 64

// groupRecords reads the records of a report behind its 8 bytes; addresses have size bytes. What is
// cut off or damaged is left out.
func groupRecords(p []byte, size int) (records []groupRecord) {
	address := func(b []byte) netip.Addr {
		a, _ := netip.AddrFromSlice(b[:size])
		return a
	}
	for r := p[min(8, len(p)):]; len(r) >= 4+size && len(records) < maxRecords; {
		sources := int(binary.BigEndian.Uint16(r[2:]))
		end := 4 + size*(1+sources) + 4*int(r[1])
		if end > len(r) {
			break
		}
		g := groupRecord{Group: address(r[4:]), Change: groupChanges[0]}
		if int(r[0]) < len(groupChanges) {
			g.Change = groupChanges[r[0]]
		}
		for i := range min(sources, maxRecords) {
			g.Sources = append(g.Sources, address(r[4+size*(1+i):]))
		}
		records, r = append(records, g), r[end:]
	}
	return records
}

// appendGroupRecords appends how many records there are, and with verbose what they say.
func appendGroupRecords(dst []byte, n uint16, p []byte, size, verbose int) []byte {
	dst = append(appendUint(dst, ", ", n), " group record(s)"...)
	if verbose == 0 {
		return dst
	}
	for _, g := range groupRecords(p, size) {
		dst = g.Group.AppendTo(append(dst, " [gaddr "...))
		dst = append(append(dst, ' '), g.Change...)
		for i, s := range g.Sources {
			dst = s.AppendTo(append(dst, [...]string{" {", " "}[min(i, 1)]...))
		}
		if len(g.Sources) > 0 {
			dst = append(dst, '}')
		}
		dst = append(appendUint(dst, ", ", len(g.Sources)), " source(s)]"...)
	}
	return dst
}
