package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// maxFollowed bounds the files of a folder that are followed.
const maxFollowed = 64

// openFolders puts the text files of a folder in its place among the key sources, and says which
// they are. Files that come later are not followed, nor is what is written.
func (o *liveOptions) openFolders() error {
	var keys []string
	for _, spec := range o.keys {
		if info, err := os.Stat(spec); !isFile(spec) || err != nil || !info.IsDir() {
			keys = append(keys, spec)
			continue
		}
		entries, err := os.ReadDir(spec)
		if err != nil {
			return explainFile(err)
		}
		tellFolders(spec, entries)
		var names []string
		for _, e := range entries {
			file := filepath.Join(spec, e.Name())
			if isRegular(file) && !isBinary(file) && !same(file, o.write) && !same(file, o.syslogSave) {
				keys, names = append(keys, file), append(names, e.Name())
			}
		}
		switch {
		case len(names) == 0:
			return fmt.Errorf("%s: there is no text file in this folder to follow", spec)
		case len(names) > maxFollowed:
			return fmt.Errorf("%s: %d files in this folder are too many to follow: name the logs", spec, len(names))
		}
		message("%s: following %s", spec, strings.Join(names, ", "))
	}
	o.keys = keys
	return nil
}
