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
		text := ""
		if filepath.Ext(file) == ".html" {
			data, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			text = string(data)
		}
		anchors[file] = map[string]bool{"": true}
		for _, m := range identity.FindAllStringSubmatch(text, -1) {
			anchors[file][html.UnescapeString(m[1])] = true
		}
		for _, m := range reference.FindAllStringSubmatch(text, -1) {
			links[file] = append(links[file], html.UnescapeString(m[1]))
		}
		return nil
	})
	var all []error
	for file, list := range links {
		for _, l := range list {
			to, anchor, e := follow(file, l)
			if e != nil || !anchors[to][anchor] {
				all = append(all, fmt.Errorf("%s: a link leads nowhere: %q", file, l))
			}
		}
	}
	return errors.Join(err, errors.Join(all...))
}

// follow returns the file and the anchor that a link of a page leads to; a link to elsewhere leads
// to the page itself.
func follow(file, link string) (to, anchor string, err error) {
	if strings.Contains(link, "://") {
		return file, "", nil
	}
	u, err := url.Parse(link)
	if err != nil || link == "" {
		return "", "", err
	}
	if u.Path == "" {
		return file, u.Fragment, nil
	}
	return filepath.Join(filepath.Dir(file), filepath.FromSlash(u.Path)), u.Fragment, nil
}
