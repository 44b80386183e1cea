package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unsafe"

	"l2tpdump/keysrc"
)

// What tcpdump takes from files that name it, or from the command line: -F, -V and -E.

// maxNamed bounds what is read of such a file.
const maxNamed = 1 << 20

// readNamed takes the filter, the captures and the file of keys that -F, -V and -E name. Where ctx
// is done while a FIFO is waited for, the program ends.
func (o *options) readNamed(ctx context.Context) error {
	defer exitAt(ctx)()
	if o.filterFile != "" {
		if o.filter != "" {
			return fmt.Errorf("-F reads the filter, and there is one already: %s", quote(o.filter))
		}
		text, err := readText(o.filterFile)
		if err != nil {
			return err
		}
		o.named = append(o.named, o.filterFile)
		o.filter, o.filterFile = strings.TrimSpace(text), ""
	}
	if o.readList != "" {
		text, err := readText(o.readList)
		if err != nil {
			return err
		}
		before := len(o.read)
		for line := range strings.Lines(text) {
			if name := strings.TrimRight(line, "\r\n"); name != "" {
				o.read = append(o.read, name)
			}
		}
		if len(o.read) == before {
			return fmt.Errorf("-V: %s names no capture", o.readList)
		}
		o.named = append(o.named, o.readList)
		o.readList = ""
	}
	for i, value := range o.espKeys {
		o.espKeys[i] = conceal(value)
	}
	o.espKeys = slices.DeleteFunc(o.espKeys, func(value string) bool {
		name, named := strings.CutPrefix(value, "file ")
		if named {
			o.keys = append(o.keys, strings.TrimSpace(name))
		}
		return named
	})
	return nil
}

// conceal returns a copy of a value of the command line, and overwrites it there: the memory of the
// arguments is what ps shows, on Unix.
func conceal(value string) string {
	hidden := strings.Clone(value)
	at := uintptr(unsafe.Pointer(unsafe.StringData(value)))
	for _, arg := range os.Args {
		if start := uintptr(unsafe.Pointer(unsafe.StringData(arg))); at >= start &&
			at+uintptr(len(value)) <= start+uintptr(len(arg)) {
			memory := unsafe.Slice(unsafe.StringData(value), len(value))
			copy(memory, strings.Repeat("x", len(value)))
		}
	}
	return hidden
}

// readText reads a small file of text.
func readText(path string) (string, error) {
	in := os.Stdin
	if path != "-" {
		defer tellWaiting(path)()
		f, err := os.Open(path)
		if err != nil {
			return "", explainFile(err)
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(bufio.NewReader(in), maxNamed+1))
	switch {
	case err != nil:
		return "", explainFile(err)
	case len(text) > maxNamed:
		return "", fmt.Errorf("%s has more than %d bytes", path, maxNamed)
	}
	return string(text), nil
}

// givenKeys are those that -E has on the command line, nil if there are none.
func (o *options) givenKeys() (*keysrc.Keys, error) {
	if len(o.espKeys) == 0 {
		return nil, nil
	}
	k, err := keysrc.Parse(strings.NewReader("tcpdump -E '"+strings.Join(o.espKeys, "'\ntcpdump -E '")+"'\n"), "-E", "script")
	if err != nil {
		return nil, withHint("as in -E '0x1a2b3c4d@192.0.2.1 aes-cbc-hmac96:0x...', or -E 'file NAME'", "-E holds no key")
	}
	message("others on this host could see the keys behind -E for a moment: -E 'file NAME' keeps them out of sight")
	return k, nil
}
