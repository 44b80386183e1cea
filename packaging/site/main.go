// Command site makes web pages of the documents: README, manual, security, changelog, what is in doc,
// and the JSON Schemas. A link that leads nowhere is an error. It is run by "make site".
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

// pages are the documents and the pages made of them, both relative to their folder. A README of the
// root is the folder's page.
var pages = map[string]string{
	"README.md":    "index.html",
	"README.ja.md": "index.ja.html",
	"SECURITY.md":  "SECURITY.html",
	"CHANGELOG.md": "CHANGELOG.html",

	"doc/formats.md":       "doc/formats.html",
	"doc/json.md":          "doc/json.html",
	"doc/limits.md":        "doc/limits.html",
	"doc/performance.md":   "doc/performance.html",
	"doc/peer-captures.md": "doc/peer-captures.html",
	"testdata/README.md":   "testdata/README.html",

	"doc/l2tpdump.1": "doc/l2tpdump.1.html",
	"LICENSE":        "LICENSE.txt",

	"doc/sessions.png": "doc/sessions.png",

	"doc/schema/decrypt.json":  "doc/schema/decrypt.html",
	"doc/schema/verify.json":   "doc/schema/verify.html",
	"doc/schema/sessions.json": "doc/schema/sessions.html",
	"doc/schema/keys.json":     "doc/schema/keys.html",
	"doc/schema/version.json":  "doc/schema/version.html",
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
	for from, to := range pages {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(from)))
		if err != nil {
			return err
		}
		switch path.Ext(from) {
		case ".md":
			text, err = fromMarkdown(from, text)
		case ".json":
			text, err = fromSchema(from, text)
		case ".1":
			text, err = fromManual(filepath.Join(root, filepath.FromSlash(from)))
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

// relative is the link from a page to another.
func relative(from, to string) string {
	return strings.Repeat("../", strings.Count(pages[from], "/")) + to
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
func fromManual(file string) ([]byte, error) {
	body, err := exec.Command("mandoc", "-Thtml", "-O", "fragment", file).Output()
	if err != nil {
		return nil, fmt.Errorf("mandoc: %w", err)
	}
	return page("doc/l2tpdump.1", "l2tpdump(1)", body)
}

var (
	reference = regexp.MustCompile(`(?:href|src)="([^"]*)"`)
	identity  = regexp.MustCompile(`\bid="([^"]*)"`)
)
