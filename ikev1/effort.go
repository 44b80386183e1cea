package ikev1

// Bounds of what is spent in vain on messages of SAs of which no key is proven, in tries of one key
// on one message: at first, and for each message that was observed. A key that an SA's cookies name
// has fewer ways to be read than that.
const (
	maxEffort        = maxFailures * maxCandidates
	effortPerMessage = 16
	lengthsPerTry    = 64 // of a first payload: to try as many takes as long as to try a key
)

// affords reports whether a message may be tried in a way that costs so many tries.
func (t *Tracker) affords(cost int) bool {
	return t.spent+int64(cost) <= maxEffort+effortPerMessage*t.observed
}

// affordsGuess likewise, for one that takes a look at all lengths that the first payload can have
// with so many hashes. Half of the tries are left for others.
func (t *Tracker) affordsGuess(length, hashes int) bool {
	cost := 1 + length*hashes/lengthsPerTry
	if !t.affords(cost + maxEffort/2) {
		return false
	}
	t.spent += int64(cost)
	return true
}
