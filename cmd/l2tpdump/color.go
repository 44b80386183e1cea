package main

import (
	"os"
	"slices"

	"l2tpdump/cmd/internal/why"
)

// colorWhen are the values of --color.
var colorWhen = []string{"auto", "always", "never"}

// checkColor refuses other values.
func (o *options) checkColor() error {
	if slices.Contains(colorWhen, o.color) {
		return nil
	}
	return withHint("--color=always, --color=never or --color=auto", "--color does not take %s", quote(o.color))
}

// colored says whether standard output has colors: on a terminal that obeys them, unless NO_COLOR
// is set to anything (no-color.org) or the terminal is none that could.
func (o *options) colored() bool {
	switch o.color {
	case "always":
		return true
	case "never":
		return false
	}
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(os.Stdout) && obeysColor(os.Stdout)
}

// paint gives a verdict its color: red what is wrong, yellow what is missing.
func paint(verdict string) string {
	code := ""
	switch why.Verdict(verdict) {
	case why.WrongKey, why.Malformed:
		code = "\x1b[1;31m"
	case why.NoKey, why.Incomplete, why.Truncated:
		code = "\x1b[33m"
	default:
		return verdict
	}
	return code + verdict + "\x1b[0m"
}
