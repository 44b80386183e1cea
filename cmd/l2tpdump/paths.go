package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// A file that is read is evidence, or holds keys, and may not be had again: before anything is
// opened for writing, each output is compared with each input, by what the names stand for.

// stdinout is the name of standard input among the inputs, and of standard output among the
// outputs.
const stdinout = "-"

// inputs are the names of what the options read.
func (o *options) inputs() []string {
	return slices.DeleteFunc(slices.Concat(o.read, o.keys, o.named, []string{o.secrets, o.tunnels, o.psk}), func(name string) bool {
		return name != stdinout && !isFile(name)
	})
}

// lines reports whether lines are printed to standard output.
func (o *options) lines() bool { return o.write == "" || o.print || o.json }

// checkApart refuses outputs that are an input, or one file twice. An output without a name is
// none.
func checkApart(inputs []string, outputs ...string) error {
	var seen []fs.FileInfo
	for _, name := range outputs {
		info := regular(name, os.Stdout)
		if info == nil {
			continue
		}
		if in, ok := among(inputs, info); ok {
			return isInput(name, in)
		}
		if slices.ContainsFunc(seen, func(other fs.FileInfo) bool { return os.SameFile(info, other) }) {
			return withHint("give each output a name of its own", "%s would be written twice over", name)
		}
		seen = append(seen, info)
	}
	return nil
}

// isInput is the error for an output that is the input in.
func isInput(name, in string) error {
	cure := "give the output another name"
	if name == stdinout {
		cure = "send standard output to another file"
	}
	if in == stdinout {
		in = "standard input"
	}
	return withHint(cure, "%s is an input: it is not overwritten", in)
}

// among looks for an input that is the file.
func among(inputs []string, file fs.FileInfo) (name string, ok bool) {
	for _, name := range inputs {
		if info := regular(name, os.Stdin); info != nil && os.SameFile(info, file) {
			return name, true
		}
	}
	return "", false
}

// regular returns what a name stands for, nil if that is no regular file or not there yet.
func regular(name string, standard *os.File) fs.FileInfo {
	var info fs.FileInfo
	var err error
	switch name {
	case "":
		return nil
	case stdinout:
		info, err = standard.Stat()
	default:
		info, err = os.Stat(name)
	}
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	return info
}

// same reports whether two names are of one regular file.
func same(a, b string) bool {
	x, y := regular(a, os.Stdin), regular(b, os.Stdin)
	return x != nil && y != nil && os.SameFile(x, y)
}

// openPrivate opens a file that will hold keys, as [identity.create] does: whoever it belongs to
// may read it, nobody else.
func openPrivate(name string, flags int, id *identity) (*os.File, error) {
	f, err := id.create(name, flags, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil || !info.Mode().IsRegular():
	case !ownedBy(info, id):
		err = withHint("give the output another name", "%s would hold keys and is another user's", name)
	case info.Mode().Perm()&0o077 != 0:
		if err = f.Chmod(0o600); err == nil {
			message("%s: keys will be in it; only its owner may read it now", name)
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// tableFiles are the tables that --wireshark writes into a folder.
func tableFiles(dir string) []string {
	if dir == "" {
		return nil
	}
	return []string{filepath.Join(dir, "esp_sa"), filepath.Join(dir, "ikev1_decryption_table")}
}
