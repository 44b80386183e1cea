package main

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// seconds is the value of an option that takes a time: a number of seconds, or with a unit as in
// 500ms, 90s, 5m and 1h30m.
type seconds time.Duration

var errSeconds = errors.New("a number of seconds, or a time as in 500ms, 90s, 5m or 1h30m")

// Set implements [pflag.Value].
func (s *seconds) Set(text string) error {
	d, err := time.ParseDuration(text)
	if n, e := strconv.ParseFloat(text, 64); e == nil {
		if !(n >= 0 && n < math.MaxInt64/1e9) {
			return errSeconds
		}
		d, err = time.Duration(n*1e9), nil
	}
	if err != nil || d < 0 {
		return errSeconds
	}
	*s = seconds(d)
	return nil
}

func (s *seconds) String() string { return time.Duration(*s).String() }

// Type implements [pflag.Value].
func (s *seconds) Type() string { return "time" }

// given is the value of an option that must not be empty: an empty one, of a variable that is not
// set, would choose everything.
type given string

// Set implements [pflag.Value].
func (g *given) Set(text string) error {
	if text == "" {
		return errors.New("it is empty")
	}
	*g = given(text)
	return nil
}

// String implements [pflag.Value].
func (g *given) String() string { return string(*g) }

// Type implements [pflag.Value].
func (g *given) Type() string { return "string" }

// byteSize is the value of an option that takes a number of bytes, or of thousands, millions and so
// on as in 64M.
type byteSize int64

var errByteSize = errors.New("a number of bytes, or with a unit as in 500k, 64M or 1G")

// Set implements [pflag.Value].
func (b *byteSize) Set(text string) error {
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
		return errByteSize
	}
	*b = byteSize(n * unit)
	return nil
}

func (b *byteSize) String() string { return strconv.FormatInt(int64(*b), 10) }

// Type implements [pflag.Value].
func (b *byteSize) Type() string { return "bytes" }
