package main

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// valueVar adds an option whose value parse reads.
func valueVar[T any](f *pflag.FlagSet, to *T, name string, parse func(string) (T, error)) {
	f.Func(name, "", func(text string) error {
		v, err := parse(text)
		if err == nil {
			*to = v
		}
		return err
	})
}

// parseSeconds reads a number of seconds, or a time with a unit as in 500ms, 90s, 5m and 1h30m.
func parseSeconds(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if n, e := strconv.ParseFloat(text, 64); e == nil && n >= 0 && n < math.MaxInt64/1e9 {
		return time.Duration(n * 1e9), nil
	} else if e == nil || err != nil || d < 0 {
		return 0, errors.New("a number of seconds, or a time as in 500ms, 90s, 5m or 1h30m")
	}
	return d, nil
}

// parseBytes reads a number of bytes, or of thousands, millions and so on as in 64M.
func parseBytes(text string) (int64, error) {
	number := strings.TrimSuffix(strings.TrimSuffix(text, "B"), "b")
	unit := int64(1)
	if n := len(number); n > 0 {
		if i := strings.IndexByte("kmg", number[n-1]|0x20); i >= 0 {
			unit = [...]int64{1e3, 1e6, 1e9}[i]
			number = number[:n-1]
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/4/unit {
		return 0, errors.New("a number of bytes, or with a unit as in 500k, 64M or 1G")
	}
	return n * unit, nil
}

// parseGiven takes a text that must not be empty: an empty one, of a variable that is not set, would
// choose everything.
func parseGiven(text string) (string, error) {
	if text == "" {
		return "", errors.New("it is empty")
	}
	return text, nil
}
