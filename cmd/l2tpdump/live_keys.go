package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"l2tpdump/cmd/internal/follow"
	"l2tpdump/keysrc"
)

func isCommand(spec string) bool { return strings.HasPrefix(spec, "exec:") }

func isSyslog(spec string) bool { return strings.HasPrefix(spec, "syslog:") }

// isFile reports whether a key source is a file, which may be opened again.
func isFile(spec string) bool {
	return spec != "-" && spec != keysrc.XFRMName && !isCommand(spec) && !isSyslog(spec)
}

// openKeys opens the key sources that which picks, each in its place.
func (o *liveOptions) openKeys(sources []follow.Source, id *identity, which func(string) bool) error {
	for i, spec := range o.keys {
		if !which(spec) {
			continue
		}
		if isFile(spec) {
			if err := refuseDevice(spec); err != nil {
				return err
			}
		}
		k := follow.Options{Format: o.keyFormat, Log: message, Runner: id.runner}
		if isSyslog(spec) && o.syslogSave != "" {
			f, err := o.openSyslogSave(id)
			if err != nil {
				return err
			}
			k.SyslogSave = f
		}
		var err error
		if sources[i], err = follow.Open(spec, k); err != nil {
			return err
		}
	}
	return nil
}

// openSyslogSave opens what --syslog-save names.
func (o *liveOptions) openSyslogSave(id *identity) (*os.File, error) {
	f, err := openPrivate(o.syslogSave, os.O_APPEND|syscall.O_NONBLOCK, id) // a FIFO would wait for its reader
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, fmt.Errorf("%s is not a regular file", o.syslogSave)
	}
	return f, nil
}

func closeAll(sources []follow.Source) {
	for _, s := range sources {
		if s != nil {
			s.Close()
		}
	}
}

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

// followKeys hands on the keys of a source as they come. A source that fails ends the capture.
func followKeys(ctx context.Context, k follow.Source, keys chan<- *keysrc.Keys, news *keyNews, src *liveSource) {
	err := k.Run(ctx, func(found *keysrc.Keys) {
		reportDamage(found.Notes)
		news.keys(found)
		select {
		case keys <- found:
		case <-ctx.Done():
		}
	})
	if err != nil && ctx.Err() == nil {
		src.fail(fmt.Errorf("keys: %w", err))
	}
}
