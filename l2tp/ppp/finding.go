package ppp

// Finding is what is to be said of a user's links: packets could not be read because a password or
// the beginning of the capture is missing, or because their compression is not known; or a password
// is wrong, or can't be checked.
type Finding struct {
	State       State  // NoKey or Unknown; Plain where there was nothing to decrypt
	Proof       Proof  // what the traffic says of the password
	User        string // "" if it is not known
	Place       string // of the password: "FILE:7"
	Compression string // as CCP names it; "" if its negotiation was not seen
}

// Findings are what there is to say, each with the number of frames that could not be read.
func (x *Expander) Findings() map[Finding]uint64 { return x.findings }

// report takes note of a frame that was not read, and once that the password is wrong or can't be
// checked.
func (l *Link) report(s State, compression string) {
	unread := s == NoKey || s == Unknown
	news := (l.auth.proof == ProofWrong || l.auth.proof == ProofHashed) && !l.told
	if !unread && !news {
		return
	}
	l.told = true
	f, frames := Finding{Proof: l.auth.proof, User: l.auth.user, Place: l.auth.place}, uint64(0)
	if unread {
		f.State, f.Compression, frames = s, compression, 1
	}
	if _, ok := l.x.findings[f]; ok || len(l.x.findings) < maxFindings {
		l.x.findings[f] += frames
	}
}
