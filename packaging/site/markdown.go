package main

import (
	"bytes"
	"fmt"
	"path"
	"strings"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// fromMarkdown makes the page of a document in GitHub's Markdown.
func (p pages) fromMarkdown(name string, source []byte) ([]byte, error) {
	md := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithParserOptions(parser.WithAutoHeadingID()))
	doc := md.Parser().Parse(text.NewReader(source), parser.WithContext(parser.NewContext(parser.WithIDs(slugs{}))))
	title := ""
	var missing []ast.Node // links to what has no page
	err := ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			if title == "" {
				title = string(n.Lines().Value(source))
			}
		case *ast.Image:
			to, _ := p.target(name, string(n.Destination)) // that none is missing is checked in the end
			n.Destination = []byte(to)
		case *ast.Link:
			to, ok := p.target(name, string(n.Destination))
			if n.Destination = []byte(to); !ok {
				missing = append(missing, n)
			}
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		return nil, err
	}
	for _, link := range missing {
		for c := link.FirstChild(); c != nil; c = link.FirstChild() {
			link.Parent().InsertBefore(link.Parent(), link, c)
		}
		link.Parent().RemoveChild(link.Parent(), link)
	}
	var b bytes.Buffer
	if err := md.Renderer().Render(&b, source, doc); err != nil {
		return nil, err
	}
	return page(name, strings.TrimSpace(title), b.Bytes())
}

// target is where a link of a document leads to among the pages; ok is false if that is a folder of
// the source, which has none.
func (p pages) target(name, to string) (link string, ok bool) {
	if strings.Contains(to, "://") || strings.HasPrefix(to, "#") {
		return to, true
	}
	file, anchor, _ := strings.Cut(to, "#")
	file = path.Join(path.Dir(name), file)
	if to, ok := p[file]; ok {
		link = relative(name, to)
		if anchor != "" {
			link += "#" + anchor
		}
		return link, true
	}
	return "", false
}

// slugs makes the anchors of headings as GitHub does.
type slugs map[string]int

// Generate implements [parser.IDs].
func (s slugs) Generate(value []byte, _ ast.NodeKind) []byte {
	slug := strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, string(value))
	n := s[slug]
	s[slug]++
	if n > 0 {
		slug = fmt.Sprintf("%s-%d", slug, n)
	}
	return []byte(slug)
}

// Put implements [parser.IDs].
func (s slugs) Put(value []byte) { s[string(value)]++ }
