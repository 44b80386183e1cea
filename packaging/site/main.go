// Command site makes web pages of the documents: README, manual, security, changelog, what is in
// doc, and the JSON Schemas. A link that leads nowhere is an error. It is run by "make site".
package main

import (
	"bytes"
	"flag"
	"fmt"
	"html/template"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// pages are the documents and the pages made of them, by names within their folders.
type pages map[string]string

// find lists the documents of the source.
func find(root string) (pages, error) {
	p := pages{"README.md": "index.html", "README.ja.md": "index.ja.html", "LICENSE": "LICENSE.txt"}
	for _, pattern := range []string{
		"*.md", "doc/*.md", "doc/*.png", "doc/l2tpdump.1", "doc/schema/*.json", "testdata/README.md",
	} {
		files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		if err != nil {
			return nil, err
		}
		if len(files) == 0 {
			return nil, fmt.Errorf("there is no %s", pattern)
		}
		for _, f := range files {
			name, err := filepath.Rel(root, f)
			if err != nil {
				return nil, err
			}
			name = filepath.ToSlash(name)
			switch extension := path.Ext(name); {
			case p[name] != "":
			case extension == ".png":
				p[name] = name
			case extension == ".1":
				p[name] = name + ".html"
			default:
				p[name] = strings.TrimSuffix(name, extension) + ".html"
			}
		}
	}
	return p, nil
}

func main() {
	root := flag.String("root", "..", "the source")
	out := flag.String("o", "../site", "folder to write to")
	flag.Parse()
	err := build(*root, *out)
	if err == nil {
		err = check(*out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "site:", err)
		os.Exit(1)
	}
}

// build writes all pages.
func build(root, out string) error {
	all, err := find(root)
	if err != nil {
		return err
	}
	for from, to := range all {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(from)))
		if err != nil {
			return err
		}
		switch path.Ext(from) {
		case ".md":
			text, err = all.fromMarkdown(from, text)
		case ".json":
			text, err = all.fromSchema(from, text)
		case ".1":
			text, err = fromManual(from, filepath.Join(root, filepath.FromSlash(from)))
		}
		if err != nil {
			return fmt.Errorf("%s: %w", from, err)
		}
		file := filepath.Join(out, filepath.FromSlash(to))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// relative is the link from a document, or its page, to the page named to.
func relative(from, to string) string {
	return strings.Repeat("../", strings.Count(from, "/")) + to
}

var frame = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="{{.Language}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
<style>
body { max-width: 60rem; margin: 0 auto; padding: 0 1rem 3rem; font: 1rem/1.5 sans-serif; color: #222; background: #fff; }
nav { padding: .7rem 0; border-bottom: 1px solid #ccc; }
pre { overflow-x: auto; padding: .7rem; background: #f4f4f4; }
code, pre, .Fl, .Nm, .Cm { font-family: monospace; font-size: .92em; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { padding: .25rem .6rem; border: 1px solid #ccc; text-align: left; vertical-align: top; }
.head td, .foot td, .Nm td { border: 0; padding: 0 .6rem 0 0; }
a.permalink { color: inherit; text-decoration: none; }
dt { margin-top: .6rem; }
a { color: #0550ae; }
@media (prefers-color-scheme: dark) {
  body { color: #ddd; background: #16181c; } pre { background: #24272d; } a { color: #7db5ff; }
  th, td, nav { border-color: #555; }
}
</style>
</head>
<body>
<nav>{{range .Links}}<a href="{{.To}}">{{.Name}}</a> {{end}}</nav>
{{.Body}}
</body>
</html>
`))

// page puts the body of a page into its frame.
func page(from, title string, body []byte) ([]byte, error) {
	language := "en"
	if strings.HasSuffix(from, ".ja.md") {
		language = "ja"
	}
	type link struct{ Name, To string }
	var links []link
	for _, l := range []link{
		{"l2tpdump", "index.html"}, {"日本語", "index.ja.html"}, {"Manual", "doc/l2tpdump.1.html"},
		{"Schemas", "doc/schema/decrypt.html"}, {"Security", "SECURITY.html"}, {"Changes", "CHANGELOG.html"},
	} {
		links = append(links, link{l.Name, relative(from, l.To)})
	}
	var b bytes.Buffer
	err := frame.Execute(&b, map[string]any{
		"Language": language, "Title": title, "Links": links, "Body": template.HTML(body),
	})
	return b.Bytes(), err
}

// fromManual has mandoc make the page of the manual.
func fromManual(name, file string) ([]byte, error) {
	body, err := exec.Command("mandoc", "-Thtml", "-O", "fragment", file).Output()
	if err != nil {
		return nil, fmt.Errorf("mandoc: %w", err)
	}
	return page(name, "l2tpdump(1)", body)
}

var (
	reference = regexp.MustCompile(`(?:href|src)="([^"]*)"`)
	identity  = regexp.MustCompile(`\bid="([^"]*)"`)
)
