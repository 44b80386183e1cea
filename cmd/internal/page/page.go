// Package page writes sessions as a page for a browser: one file that needs nothing else, has no
// script, and by its Content-Security-Policy may load nothing.
//
// A page is made of what sessions prints as JSON, and of nothing else. Its size is bounded: where
// there are too many sessions, those that went wrong are shown first, and what is left out is said.
package page

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"time"

	"l2tpdump/cmd/internal/sessions"
)

// Bounds of a page: the bytes of all sessions in detail, and of the list of sessions; and how many
// of each rank are kept until it is known which will have room.
const (
	maxDetails  = 2 << 20
	maxList     = 1 << 20
	keptDetails = 300
	keptRows    = 6000
	manyDetails = 20
)

//go:embed page.css
var style string

//go:embed page.html
var source string

var templates = template.Must(template.New("page").Parse(source))

// Page is a page that is being gathered.
type Page struct {
	title string
	zone  *time.Location
	count int
	kept  [ranks][]kept
	rows  [ranks][]row
	all   map[group]int
	first int64 // nanoseconds since the Unix epoch
	last  int64
}

// kept is a session in detail.
type kept struct {
	number int
	facts  *sessions.Facts
}

// group is what sessions that are not shown one by one have in common.
type group struct {
	state sessions.State
	cause string // or the step, "" where all went well
}

// New returns an empty page, whose title names what was read.
func New(title string, zone *time.Location) *Page {
	return &Page{title: title, zone: zone, all: make(map[group]int)}
}

// ranks is how many there are: those that went wrong come first.
const ranks = 3

func rank(s sessions.State) int {
	switch s {
	case sessions.Failed, sessions.Lost, sessions.Clear:
		return 0
	case sessions.Ill:
		return 1
	}
	return 2
}

// Add takes a session. Sessions are numbered in the order in which they come.
func (p *Page) Add(s *sessions.Facts) {
	p.count++
	if begin := int64(s.Time); p.count == 1 || begin < p.first {
		p.first = begin
	}
	p.last = max(p.last, int64(s.Time)+int64(s.Duration))
	r := rank(s.State)
	if len(p.kept[r]) < keptDetails {
		p.kept[r] = append(p.kept[r], kept{p.count, s})
	}
	if len(p.rows[r]) < keptRows {
		p.rows[r] = append(p.rows[r], newRow(p.count, s, p.zone))
	}
	g := group{state: s.State, cause: s.CauseID}
	if g.cause == "" && s.State == sessions.Failed {
		g.cause = s.Step
	}
	p.all[g]++
}

// piece is a part of the page that is written already.
type piece struct {
	number int
	HTML   template.HTML
}

// fill executes a template for one after the other of a list, by rank, as long as there is room.
// The pieces are in the order of the sessions.
func fill[T any](name string, list [ranks][]T, room int, number func(T) int, view func(T) any) ([]piece, error) {
	var pieces []piece
	var b bytes.Buffer
	for r := range list {
		for _, item := range list[r] {
			b.Reset()
			if err := templates.ExecuteTemplate(&b, name, view(item)); err != nil {
				return nil, err
			}
			if b.Len() > room {
				continue
			}
			room -= b.Len()
			pieces = append(pieces, piece{number(item), template.HTML(b.String())})
		}
	}
	slices.SortFunc(pieces, func(a, b piece) int { return cmp.Compare(a.number, b.number) })
	return pieces, nil
}

// pageView is what the template of the whole page shows.
type pageView struct {
	Title, Policy, Span string
	Style               template.CSS
	Count               int
	Tiles               []groupView // by the state alone
	Rows, Sessions      []piece
	NoRow, NoDetails    int
	Many                bool // so many that a browser had better lay out what it shows only
	Groups              []groupView
}

// groupView counts the sessions of a state, and of a cause.
type groupView struct {
	State sessions.State
	Name  string
	Cause string
	Count int
}

// states are in the order in which a person wants to see them.
var states = []sessions.State{
	sessions.Failed, sessions.Lost, sessions.Clear, sessions.Ill, sessions.Up, sessions.Partial,
}

// Write writes the page.
func (p *Page) Write(w io.Writer) error {
	details, err := fill("session", p.kept, maxDetails, func(k kept) int { return k.number },
		func(k kept) any { return newSession(k.number, k.facts, p.zone) })
	if err != nil {
		return err
	}
	detailed := make(map[int]bool)
	for _, d := range details {
		detailed[d.number] = true
	}
	list, err := fill("row", p.rows, maxList, func(r row) int { return r.Number }, func(r row) any {
		r.Detailed = detailed[r.Number]
		return r
	})
	if err != nil {
		return err
	}
	v := pageView{
		Title: p.title, Count: p.count, Style: template.CSS(style),
		Policy:   policy(),
		Rows:     list,
		Sessions: details,
		NoRow:    p.count - len(list), NoDetails: p.count - len(details),
		Many:  len(details) > manyDetails,
		Tiles: p.tiles(),
	}
	if p.count > 0 {
		v.Span = span(p.first, p.last, p.zone)
	}
	if v.NoRow > 0 {
		v.Groups = p.groups()
	}
	b := bufio.NewWriter(w)
	if err := templates.ExecuteTemplate(&visible{w: b}, "page", v); err != nil {
		return err
	}
	return b.Flush()
}

// policy allows the page its own style, and nothing else.
func policy() string {
	sum := sha256.Sum256([]byte(style))
	hash := base64.StdEncoding.EncodeToString(sum[:])
	return "default-src 'none'; style-src 'sha256-" + hash + "'; base-uri 'none'; form-action 'none'"
}

func (p *Page) tiles() (list []groupView) {
	for _, s := range states {
		n := 0
		for g, count := range p.all {
			if g.state == s {
				n += count
			}
		}
		if n > 0 {
			list = append(list, groupView{State: s, Name: s.Headline(""), Count: n})
		}
	}
	return list
}

// Tally counts the sessions by their states: ": 1 FAILED; 2 up", "" if there are none.
func (p *Page) Tally() (text string) {
	between := ": "
	for _, t := range p.tiles() {
		text += fmt.Sprintf("%s%d %s", between, t.Count, t.Name)
		between = "; "
	}
	return text
}

// groups are all sessions by state and cause, the most frequent first.
func (p *Page) groups() (list []groupView) {
	for g, n := range p.all {
		list = append(list, groupView{g.state, g.state.Headline(""), g.cause, n})
	}
	slices.SortFunc(list, func(a, b groupView) int {
		return cmp.Or(cmp.Compare(rank(a.State), rank(b.State)), cmp.Compare(b.Count, a.Count),
			cmp.Compare(a.State, b.State), cmp.Compare(a.Cause, b.Cause))
	})
	return list
}
