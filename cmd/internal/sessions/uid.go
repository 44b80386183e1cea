package sessions

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"strconv"
)

// maxTwins is how many pairs of ends are known that sessions began between at one time.
const maxTwins = 1 << 10

// uids makes the names of sessions. It knows those that began at one time, as all do in a capture
// without times.
type uids struct {
	time int64
	used map[[2]netip.AddrPort]uint64 // how many, by ends
}

// of returns a name that no other session has. It does not depend on what else is captured: of
// sessions that begin between the same ends at the same time the number makes the difference.
func (n *uids) of(s *Session) string {
	if n.used == nil {
		n.used = make(map[[2]netip.AddrPort]uint64)
	}
	if n.time != s.first.time {
		clear(n.used)
		n.time = s.first.time
	}
	number := n.used[s.ends]
	if number > 0 || len(n.used) < maxTwins {
		n.used[s.ends]++
	} else {
		number = s.first.frame
	}
	b := append(strconv.AppendInt(make([]byte, 0, 128), s.first.time, 10), ' ')
	b = append(strconv.AppendUint(b, number, 10), ' ')
	b = append(s.ends[client].AppendTo(b), ' ')
	sum := sha256.Sum256(s.ends[server].AppendTo(b))
	return "S" + hex.EncodeToString(sum[:8])
}
