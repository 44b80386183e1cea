package ikev1

// Bounds of what is spent in vain on messages of SAs of which no key is proven, in tries of one key
// on one message: at first and anew with each secret without a cookie that opens its first message,
// which happens once, and for each message that was observed. What one secret gives where
// nothing tells the cipher is no more than the latter.
const (
	maxEffort        = maxFailures * maxCandidates
	effortPerMessage = 16
	lengthsPerTry    = 64 // of a first payload: to try as many takes as long as to try a key
)

// affords reports whether so many keys may be tried on a message.
func (t *Tracker) affords(keys int) bool {
	return keys <= effortPerMessage || t.spent+int64(keys) <= maxEffort+effortPerMessage*t.observed
}

// affordsGuess reports whether all lengths that the first payload can have may be looked at, with
// so many hashes, and counts that. Half of the tries are left for others.
func (t *Tracker) affordsGuess(length, hashes int) bool {
	cost := int64(1 + length*hashes/lengthsPerTry)
	if t.spent+cost > maxEffort/2+effortPerMessage*t.observed {
		return false
	}
	t.spent += cost
	return true
}
