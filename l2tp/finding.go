package l2tp

// Made is what a proof of a shared secret was made from.
type Made uint8

const (
	HiddenAVPs Made = iota
	ChallengeResponse
	MessageDigest
)

// String is "hidden AVPs", "Challenge Response" or "Message Digest".
func (m Made) String() string {
	return [...]string{"hidden AVPs", "Challenge Response", "Message Digest"}[m]
}

// Finding is what messages of an end prove of a shared secret.
type Finding struct {
	Proof Proof // Unproved: AVPs are hidden, and there is no secret
	Made  Made
	Host  string // Host Name of the sender, "" if it is not known
	Place string // of the secret that is right, or of all that are wrong: "FILE:1", "FILE:1-9"
}

// Findings are what there is to say of secrets, each with the number of messages.
func (t *Tracker) Findings() map[Finding]uint64 { return t.findings }

func (t *Tracker) tell(f Finding) {
	if _, ok := t.findings[f]; ok || len(t.findings) < maxFindings {
		t.findings[f]++
	}
}
