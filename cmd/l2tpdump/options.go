package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"l2tpdump/capture"
	"l2tpdump/capture/compressed"
	"l2tpdump/cmd/internal/output"
	"l2tpdump/keysrc"
)

// options are the command line of the commands that read captures.
type options struct {
	read      []string
	keys      []string
	keyFormat string
	secrets   string // file of PPP passwords
	tunnels   string // file of tunnels' secrets
	psk       string // file of pre-shared keys
	choice
	lineOptions
	rings ringOptions

	filterFile string
	named      []string // files of -F and -V that were read
	direction  string   // of the frames to take
	listLinks  bool
	readList   string   // file with the names of captures
	espKeys    []string // as tcpdump has them on the command line
	eachPacket bool     // what is written becomes visible packet by packet
	filter     string
	count      uint64

	write     string
	layer     string
	json      bool
	print     bool
	only      []string
	quiet     bool
	progress  bool
	embedKeys bool
	ladder    bool
	monitor   bool // live: a line at each change of a session
	color     string
	html      string // file of a page
}

// checkInput refuses input options that contradict each other.
func (o *options) checkInput(ctx context.Context, words []string) error {
	rest, err := o.takeFiles(ctx, words)
	if err := cmp.Or(err, o.readNamed(ctx)); err != nil {
		return err
	}
	switch {
	case len(o.read) == 0 && len(rest) > 0:
		return errNoFile(rest[0])
	case len(o.read) == 0:
		return withHint("name one with -r FILE; -r - reads standard input; l2tpdump live captures on an interface, "+
			"and l2tpdump keys lists keys", "no capture to read")
	case slices.Contains(o.read, "-") && slices.Contains(o.keys, "-"):
		return errors.New("the capture and the keys can't both come from standard input")
	}
	return cmp.Or(o.takeFilter(rest), o.checkDirection(), o.checkKeyFormat(), namedTwice("capture", o.read),
		namedTwice("key source", o.keys))
}

// namedTwice refuses a name that is there twice.
func namedTwice(what string, names []string) error {
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return errors.New("the " + what + " " + quote(name) + " is named twice")
		}
	}
	return nil
}

// errNoFile refuses a word where there is no capture that it could be a filter of.
func errNoFile(word string) error {
	return withHint("there is no such file, and no capture that it could be a filter of", "unexpected argument %s", quote(word))
}

// takeFilter takes the words behind the options and the files as a filter, as tcpdump does.
func (o *options) takeFilter(words []string) error {
	filter := strings.Join(words, " ")
	switch {
	case filter == "":
	case o.filter != "":
		return withHint("join them: -f \"("+o.filter+") and ("+filter+")\"", "the filter is given twice")
	default:
		o.filter = filter
	}
	return nil
}

// directions are what -Q takes.
var directions = map[string]capture.Direction{
	"in": capture.DirectionIn, "out": capture.DirectionOut, "inout": capture.DirectionUnknown,
}

// checkDirection refuses another.
func (o *options) checkDirection() error {
	if _, ok := directions[o.direction]; !ok && o.direction != "" {
		return errors.New("-Q takes in, out or inout, not " + quote(o.direction))
	}
	return nil
}

// checkKeyFormat refuses the name of a format that does not exist.
func (o *options) checkKeyFormat() error {
	if names := keysrc.FormatNames(); o.keyFormat != "" && !slices.Contains(names, o.keyFormat) {
		return withHint(didYouMean(o.keyFormat, "--key-format ", names, "the formats are "+strings.Join(names, ", ")),
			"unknown key format %s", quote(o.keyFormat))
	}
	return nil
}

// checkOutput refuses output options that contradict each other or the input; more are names of
// further outputs.
func (o *options) checkOutput(more ...string) error {
	if _, err := output.ParseLayer(o.layer); err != nil {
		return withHint(didYouMean(o.layer, "--layer ", output.Layers, ""), "%w", err)
	}
	for _, err := range []error{o.checkSelection(), o.lineOptions.check(), o.rings.check(o.write)} {
		if err != nil {
			return err
		}
	}
	switch {
	case o.write == "" && o.layer != string(output.LayerL2TP):
		return withHint("to print only such frames: --only "+o.layer, "--layer says what -w writes, and there is no -w")
	case o.write == "" && o.embedKeys:
		return errors.New("--embed-keys says what -w writes, and there is no -w")
	case o.embedKeys && o.layer != string(output.LayerL2TP):
		return errors.New("--embed-keys writes the packets as they were captured: it goes with no --layer")
	case o.embedKeys && output.IsPcapName(o.write):
		return withHint("give the output a name that ends in .pcapng", "a pcap file can't hold keys")
	case o.write == "-" && (o.print || o.json):
		return errors.New("the capture and the lines can't both go to standard output")
	case o.write == "-" && isTerminal(os.Stdout):
		return errTerminal
	}
	if _, name := compressed.OfName(o.write); !output.IsCaptureName(name) {
		message("the name %s is none of a capture: what is written is pcapng, or pcap in a file whose name ends in .pcap", quote(o.write))
	}
	outputs := []string{o.write}
	if o.lines() {
		outputs = append(outputs, stdinout)
	}
	return checkApart(o.inputs(), append(outputs, more...)...)
}

var errTerminal = withHint("pipe it to another program, or name a file", "a capture is not written to a terminal")

// readKeys reads all key sources. Damaged values are reported, the others count. One without any
// key is an error, but for a table with nothing but comments beside one that has keys.
func (o *options) readKeys(ctx context.Context) ([]*keysrc.Keys, error) {
	return o.loadKeys(ctx, reportDamage)
}

// exitAt has the program end when the context does, until stop is called: to open a file or to read
// keys may keep it waiting (a FIFO, the terminal), and nothing has been written yet.
func exitAt(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { os.Exit(exitInterrupted) })
}

// loadKeys is readKeys; report is given what each source says of its values.
func (o *options) loadKeys(ctx context.Context, report func([]keysrc.Note)) ([]*keysrc.Keys, error) {
	defer exitAt(ctx)()
	defer debug.SetGCPercent(debug.SetGCPercent(muchGarbage)) // most of what reading makes are keys
	var all []*keysrc.Keys
	var empty error
	found := false
	for _, path := range o.keys {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			in, err := o.loadFolder(path, report)
			if err != nil {
				return nil, err
			}
			all, found = append(all, in...), true
			continue
		}
		k, err := o.loadKey(path)
		if k != nil {
			report(k.Notes)
			all = append(all, k)
		}
		var none *keysrc.NoKeysError
		switch {
		case errors.As(err, &none) && none.Comment && len(o.keys) > 1:
			message("%s holds no key, only comments", path)
			empty = explainKeys(err)
		case err != nil:
			return nil, explainKeys(err)
		default:
			found = true
		}
	}
	if !found && empty != nil {
		return nil, empty
	}
	given, err := o.givenKeys()
	if given != nil {
		all = append(all, given)
	}
	return all, err
}

// maxFolder bounds the files of a folder that are looked at for keys.
const maxFolder = 4096

// loadFolder reads the files of a folder that hold keys, and says which.
func (o *options) loadFolder(path string, report func([]keysrc.Note)) (all []*keysrc.Keys, err error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, explainFile(err)
	}
	if len(entries) > maxFolder {
		message("%s: only the first %d of its %d files are looked at", path, maxFolder, len(entries))
		entries = entries[:maxFolder]
	}
	tellFolders(path, entries)
	var names []string
	for _, e := range entries {
		file := filepath.Join(path, e.Name())
		if !isRegular(file) {
			continue
		}
		k, err := keysrc.ParseFile(file, o.keyFormat)
		var none *keysrc.NoKeysError
		switch {
		case errors.As(err, &none):
		case err != nil:
			message("%v", explainFile(err))
		default:
			report(k.Notes)
			all, names = append(all, k), append(names, e.Name())
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: none of the files in this folder holds a key", path)
	}
	message("%s: keys are in %s", path, strings.Join(names, ", "))
	return all, nil
}

// tellFolders says which folders in a folder are passed over.
func tellFolders(path string, entries []os.DirEntry) {
	var in []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			in = append(in, e.Name())
		}
	}
	const most = 4 // that are named
	if n := len(in); n > most {
		in = append(in[:most], fmt.Sprintf("%d more", n-most))
	}
	if len(in) > 0 {
		message("%s: not looked into its folders %s: give each with a -k of its own", path, strings.Join(in, ", "))
	}
}

// loadKey reads one key source.
func (o *options) loadKey(path string) (*keysrc.Keys, error) {
	scheme, _, _ := strings.Cut(path, ":")
	if _, err := os.Stat(path); err == nil {
		scheme = ""
	}
	switch scheme {
	case "xfrm":
		return keysrc.LoadXFRM()
	case "syslog", "exec":
		return nil, fmt.Errorf("%s: keys come that way only while capturing, with l2tpdump live", path)
	}
	defer tellWaiting(path)()
	if err := refuseDevice(path); err != nil {
		return nil, err
	}
	return keysrc.ParseFile(path, o.keyFormat)
}

// refuseDevice refuses what may have no end.
func refuseDevice(path string) error {
	if isDevice(path) {
		return fmt.Errorf("%s is a device: keys come from a file, a pipe or a terminal", path)
	}
	return nil
}

// fifoPatience is how long the writer of a FIFO may take without a word about it.
const fifoPatience = 2 * time.Second

// tellWaiting tells that a FIFO keeps the program waiting, unless stop is called soon.
func tellWaiting(path string) (stop func() bool) {
	info, err := os.Stat(path)
	if err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		return func() bool { return true }
	}
	return time.AfterFunc(fifoPatience, func() {
		message("%s is a FIFO: waiting for what its writer has to say", path)
	}).Stop
}

// explainKeys makes the error of a key source readable: what it is if it is no key source at all,
// else what was looked for, a line each.
func explainKeys(err error) error {
	var none *keysrc.NoKeysError
	if !errors.As(err, &none) || len(none.Near) > 0 || none.Lines == 0 || none.Damaged > 0 || none.Format != "" {
		return explainFile(err)
	}
	if none.Binary {
		return withHint("keys are text: a router's log, a daemon's log or a table of keys",
			"%s: no key: it is not a text file", none.Name)
	}
	return fmt.Errorf("%s: no key in %s; looked for:\n  %s",
		none.Name, plural(none.Lines, "line"), strings.Join(none.Looked, "\n  "))
}

// explainFile puts the name of the file first, and leaves out which system call failed.
func explainFile(err error) error {
	var file *fs.PathError
	if errors.As(err, &file) {
		return systemError{file.Path + ": " + systemText(file.Err), file.Err}
	}
	return err
}

// systemError is an error of the system in our words.
type systemError struct {
	text string
	error
}

func (e systemError) Error() string { return e.text }
func (e systemError) Unwrap() error { return e.error }

// systemText has the two errors that are a person's in the same words on all systems.
func systemText(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "no such file or directory"
	case errors.Is(err, fs.ErrPermission):
		return "permission denied"
	}
	return err.Error()
}

// explainCapture adds to the error of an input what the file is instead of a capture.
func (o *options) explainCapture(err error) error {
	var bad *capture.FormatError
	if !errors.As(err, &bad) || bad.Offset != 0 {
		return explainFile(err)
	}
	i := slices.Index(o.read, bad.Name)
	if i < 0 || !isRegular(o.read[i]) || isBinary(o.read[i]) {
		return err
	}
	if k, e := keysrc.ParseFile(o.read[i], ""); e == nil && len(k.IKE)+len(k.ESP) > 0 {
		return hinted{err, "it holds keys, and belongs behind -k"}
	}
	return hinted{err, "it is a text file: captures are made with tcpdump -i INTERFACE -w FILE"}
}

// isRegular reports whether a file can be read once more: a pipe would give what follows, or wait
// for it.
func isRegular(path string) bool {
	info, err := os.Stat(path)
	return path != "-" && err == nil && info.Mode().IsRegular()
}

// isBinary reports whether the file begins like none that a person can read.
func isBinary(path string) bool {
	if !isRegular(path) {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 4096)
	n, _ := io.ReadFull(f, head)
	return bytes.IndexByte(head[:n], 0) >= 0
}

// reportNotes tells what sources say of their values.
func reportNotes(notes []keysrc.Note) {
	listedOf(len(notes), func(i int) string { return notes[i].String() })
}

// reportDamage tells of the values that were left out. Whether those are right that were kept with
// a doubt, the packets say.
func reportDamage(notes []keysrc.Note) {
	reportNotes(slices.DeleteFunc(slices.Clone(notes), func(n keysrc.Note) bool { return n.Doubt }))
}
