// Package why says what became of packets, flows, exchanges and keys, and why: verdict, cause,
// cure. Its functions are pure: from facts that other packages gather to a [Finding] or a
// [KeyFinding]. No other package decides for one of the words of [Verdict].
package why
