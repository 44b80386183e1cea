package ppp

// Finding is what is to be said of a user's links: packets are encrypted and the key is not known, or the
// password is wrong.
type Finding struct {
	Proof Proof
	User  string // "" if it is not known
	Place string // of the password: "FILE:7"
}

// Findings are what there is to say, each with the number of frames that could not be decrypted; that
// is 0 where there was nothing to decrypt, but the password is proven wrong.
func (x *Expander) Findings() map[Finding]uint64 { return x.findings }

// tell takes note of a finding about a frame that became of state s.
func (l *Link) tell(s State) {
	f := Finding{l.auth.proof, l.auth.user, l.auth.place}
	if _, ok := l.x.findings[f]; !ok && len(l.x.findings) >= maxFindings {
		return
	}
	frames := uint64(0)
	if s == NoKey {
		frames = 1
	}
	l.x.findings[f] += frames
}
