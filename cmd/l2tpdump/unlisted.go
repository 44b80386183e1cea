package main

import (
	"fmt"

	"l2tpdump/cmd/internal/why"
)

// maxUnnamed is how many SAs that no key names verify lists; anybody can send packets of any
// number.
const maxUnnamed = 1000

// unlisted sums up the others.
type unlisted struct {
	SAs      int    `json:"sas"`
	Messages uint64 `json:"messages,omitempty"` // of ISAKMP
	Packets  uint64 `json:"packets,omitempty"`  // of ESP
}

// listedIKE returns the ISAKMP SAs that are listed, and what is said of the others.
func (v *verification) listedIKE() (list []verifiedIKE, rest unlisted) {
	list = make([]verifiedIKE, 0, len(v.IKE))
	for _, s := range v.IKE {
		if s.Verdict == string(why.NoKey) {
			if rest.SAs++; rest.SAs > maxUnnamed {
				rest.Messages += uint64(s.Messages)
				continue
			}
		}
		list = append(list, s)
	}
	return list, rest.beyond()
}

// listedESP is listedIKE for SAs of ESP.
func (v *verification) listedESP() (list []verifiedESP, rest unlisted) {
	list = make([]verifiedESP, 0, len(v.ESP))
	for _, s := range v.ESP {
		if s.Verdict == string(why.NoKey) {
			if rest.SAs++; rest.SAs > maxUnnamed {
				rest.Packets += s.Packets
				continue
			}
		}
		list = append(list, s)
	}
	return list, rest.beyond()
}

// beyond takes off those that are listed.
func (u unlisted) beyond() unlisted {
	u.SAs = max(0, u.SAs-maxUnnamed)
	return u
}

// addTo adds the row that stands for all that have none.
func (u unlisted) addTo(s *sheet) {
	if u.SAs > 0 {
		s.add("", "", "...", fmt.Sprintf("%d more that no key names, %s", u.SAs, plural(u.Messages+u.Packets, "packet")))
	}
}
