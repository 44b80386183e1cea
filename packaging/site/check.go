package main

import (
	"errors"
	"fmt"
	"html"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// check follows each link within the pages of a folder: its page and its anchor have to be there.
func check(folder string) error {
	anchors := make(map[string]map[string]bool) // of each file
	links := make(map[string][]string)
	err := filepath.WalkDir(folder, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		anchors[file] = map[string]bool{"": true}
		if filepath.Ext(file) != ".html" {
			return nil
		}
		for _, m := range identity.FindAllStringSubmatch(string(text), -1) {
			anchors[file][html.UnescapeString(m[1])] = true
		}
		for _, m := range reference.FindAllStringSubmatch(string(text), -1) {
			links[file] = append(links[file], html.UnescapeString(m[1]))
		}
		return nil
	})
	if err != nil {
		return err
	}
	var all []error
	for file, list := range links {
		for _, l := range list {
			if strings.Contains(l, "://") {
				continue
			}
			u, err := url.Parse(l)
			if err == nil && l == "" {
				err = errors.New("a picture that is not among the pages")
			}
			if err != nil {
				all = append(all, fmt.Errorf("%s: %w", file, err))
				continue
			}
			to := file
			if u.Path != "" {
				to = filepath.Join(filepath.Dir(file), filepath.FromSlash(u.Path))
			}
			if !anchors[to][u.Fragment] {
				all = append(all, fmt.Errorf("%s: a link leads nowhere: %s", file, l))
			}
		}
	}
	return errors.Join(all...)
}
