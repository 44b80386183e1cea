package main

import (
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"l2tpdump/cmd/internal/output"
)

// newFlags returns a flag set that reports through [parse].
func newFlags(command string) *pflag.FlagSet {
	f := pflag.NewFlagSet(command, pflag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.SortFlags = false
	return f
}

func (o *options) inputFlags(f *pflag.FlagSet) {
	f.StringArrayVarP(&o.read, "read", "r", nil, "")
	f.StringVarP(&o.readList, "read-list", "V", "", "")
	o.keyFlags(f)
	o.filterFlags(f)
	f.Uint64VarP(&o.count, "count", "c", 0, "")
	o.commonFlags(f)
	idleFlags(f)
}

func (o *options) commonFlags(f *pflag.FlagSet) {
	f.StringVarP(&o.direction, "direction", "Q", "", "")
	f.BoolVarP(&o.listLinks, "list-data-link-types", "L", false, "")
	f.CountP("numeric", "n", "") // names are never looked up
	unusedFlags(f)
}

func (o *options) filterFlags(f *pflag.FlagSet) {
	f.StringVarP(&o.filter, "filter", "f", "", "")
	f.StringVarP(&o.filterFile, "filter-file", "F", "", "")
}

func (o *options) keyFlags(f *pflag.FlagSet) {
	f.StringArrayVarP(&o.keys, "keys", "k", nil, "")
	f.StringArrayVarP(&o.espKeys, "esp-keys", "E", nil, "")
	f.StringVar(&o.keyFormat, "key-format", "", "")
}

func (o *options) outputFlags(f *pflag.FlagSet) {
	f.StringVarP(&o.write, "write", "w", "", "")
	f.StringVar(&o.layer, "layer", string(output.LayerL2TP), "")
	f.BoolVar(&o.json, "json", false, "")
	f.BoolVar(&o.print, "print", false, "")
	f.StringSliceVar(&o.only, "only", nil, "")
	o.choice.flags(f)
	f.BoolVar(&o.control, "with-control", false, "")
	o.lineOptions.flags(f)
	o.rings.flags(f)
	f.BoolVarP(&o.eachPacket, "packet-buffered", "U", false, "")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "")
	f.BoolVar(&o.progress, "progress", false, "")
	f.StringVar(&o.secrets, "ppp-secrets", "", "")
	f.StringVar(&o.tunnels, "l2tp-secret-file", "", "")
}

// parse reads args into f.
func parse(f *pflag.FlagSet, args []string) (rest []string, err error) {
	err = f.Parse(args)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		out("%s", commandUsage[f.Name()])
		return nil, exitStatus(exitOK)
	case err != nil:
		cure := "l2tpdump help " + f.Name()
		if owner := ownerOf(err, f.Name(), args); owner != "" {
			cure = "that is an option of l2tpdump " + owner
		}
		if unknown := (*pflag.NotExistError)(nil); errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "" {
			cure = didYouMean(unknown.GetSpecifiedName(), "--", longNames(f), cure)
		}
		return nil, hinted{err, cure}
	}
	return f.Args(), checkUnused(f)
}

// parseNone is parse for a command that takes options only.
func parseNone(f *pflag.FlagSet, args []string) error {
	rest, err := parse(f, args)
	if err == nil && len(rest) > 0 {
		err = errors.New(f.Name() + " takes no arguments")
	}
	return err
}

// ownerOf is another command that has the option that err says is not known, "" if none has: that
// which does for files what live --sessions does, if that is among args.
func ownerOf(err error, command string, args []string) string {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return ""
	}
	name, short := unknown.GetSpecifiedName(), unknown.GetSpecifiedShortnames() != ""
	others := []string{"decrypt", "live", "verify", "keys", "sessions"}
	if slices.Contains(args, "--sessions") {
		slices.Reverse(others)
	}
	for _, other := range others {
		if f := flagsOf(other); other != command &&
			(short && f.ShorthandLookup(name) != nil || !short && f.Lookup(name) != nil) {
			return other
		}
	}
	return ""
}

// longNames are the long names of a command's options.
func longNames(f *pflag.FlagSet) (names []string) {
	f.VisitAll(func(flag *pflag.Flag) {
		if !flag.Hidden {
			names = append(names, flag.Name)
		}
	})
	return names
}

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

// parseGiven takes a text that must not be empty: an empty one, of a variable that is not set,
// would choose everything.
func parseGiven(text string) (string, error) {
	if text == "" {
		return "", errors.New("it is empty")
	}
	return text, nil
}
