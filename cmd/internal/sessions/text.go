package sessions

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"l2tpdump/cmd/internal/cells"
	"l2tpdump/l2tp/printable"
)

// Writer prints sessions.
type Writer struct {
	Count   int
	Columns int    // that a line of text has at most, 0: any number
	None    string // the text where there is no session

	w    *bufio.Writer
	text bytes.Buffer  // of the session that is being printed
	enc  *json.Encoder // nil: text
	zone *time.Location
	more func(*Session) string
}

// NewWriter returns a Writer that prints to w: an object on each line, or text, with what more says
// of each session.
func NewWriter(w io.Writer, asJSON bool, more func(*Session) string) *Writer {
	x := &Writer{None: "there is no session in this capture", w: bufio.NewWriter(w), zone: time.Local, more: more}
	if asJSON {
		x.enc = json.NewEncoder(x.w)
		x.enc.SetEscapeHTML(false)
	}
	return x
}

// Session prints a session.
func (x *Writer) Session(s *Session) error {
	x.Count++
	if x.enc != nil {
		return x.enc.Encode(s.Facts())
	}
	x.text.Reset()
	s.writeText(&x.text, x.Count, x.zone)
	if x.Columns == 0 {
		x.w.Write(x.text.Bytes())
	} else {
		x.w.WriteString(x.folded(x.text.String()))
	}
	x.w.WriteString(x.more(s))
	return x.w.WriteByte('\n') // whose error is also that of the others
}

// folded is the text of a session in lines that are not too long.
func (x *Writer) folded(text string) string {
	const fact = "   " + "         " + " " // before what a line says
	var b strings.Builder
	for line := range strings.Lines(text) {
		indent := fact
		if !strings.HasPrefix(line, " ") {
			indent = fact[:3]
		}
		b.WriteString(cells.Wrap(strings.TrimSuffix(line, "\n"), x.Columns, indent))
	}
	return b.String()
}

// Close writes out what is left.
func (x *Writer) Close() error {
	if x.Count == 0 && x.enc == nil {
		x.w.WriteString(x.None + "\n")
	}
	return x.w.Flush()
}

// Troubled says that the session failed, was lost, or ran without encryption.
func (s *Session) Troubled() bool {
	switch s.finding.State {
	case Failed, Lost, Clear:
		return true
	}
	return false
}

// headline says of each state what a person wants to know first.
var headline = map[State]string{
	Up: "up", Ill: "UP, BUT ILL", Lost: "LOST", Failed: "FAILED", Clear: "NOT ENCRYPTED",
	Partial: "unknown",
}

// Headline says what a person wants to know first: "FAILED at the login". A step of "" is left out.
func (s State) Headline(step string) string {
	text := headline[s]
	if s == Failed && step != "" {
		text += " at " + stepName(step)
	}
	return text
}

func (s *Session) writeText(b *bytes.Buffer, number int, zone *time.Location) {
	f := s.finding
	user := cmp.Or(s.User().String(), "-")
	fmt.Fprintf(b, "%-2d %s > %s   %s  %s   %s   %s\n", number, s.ends[client].Addr(), s.ends[server].Addr(),
		clock(s.first.time, zone, "2006-01-02 15:04:05"), span64(s.lasted(s.last)), user, f.State.Headline(f.Step))
	line := func(name, text string) {
		const column = "         "
		if text != "" {
			for _, part := range [...]string{"   ", name, column[len(name):], " ", text, "\n"} {
				b.WriteString(part)
			}
		}
	}
	line("cause", s.causeText())
	line("cure", f.Cure)
	if s.tries > 1 {
		line("tries", strconv.Itoa(s.tries))
	}
	for _, r := range f.Remarks {
		line("remark", r)
	}
	if n := s.clear.n + s.stray.n; n > 0 {
		line("warning", fmt.Sprintf("%d L2TP packet%s crossed in clear", n, plural(n)))
	}
	line("peers", s.peersText())
	if s.exchange() != nil {
		o := s.ikeObject()
		line("ike", o.text())
		line("config", s.configText(o))
	}
	line("ipsec", s.espText())
	line("l2tp", s.l2tpText())
	line("ppp", s.pppText())
	line("traffic", s.trafficText())
	line("ended", s.endText(zone))
}

// EventLines are the events, a line each.
func (s *Session) EventLines() string {
	var b strings.Builder
	for _, e := range s.Events() {
		again := ""
		if e.Retransmission {
			again = " (again)"
		}
		fmt.Fprintf(&b, "     %s %5d %s %s%s: %s\n", clock(int64(e.Time), time.Local, "15:04:05.000000"), e.Frame,
			[...]string{"client", "server", "other "}[e.Sender], e.Name, again, e.Details)
	}
	return b.String()
}

func clock(t int64, zone *time.Location, layout string) string {
	return time.Unix(0, t).In(zone).Format(layout)
}

// span64 prints a time span of nanoseconds: "11.3 s".
func span64(d int64) string { return fmt.Sprintf("%.1f s", float64(d)/1e9) }

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

func (s *Session) causeText() string {
	f := s.finding
	if f.Cause == "" {
		return ""
	}
	text := f.Cause
	if !f.Proven && f.State != Partial && f.ID != "" {
		text += " (typical of what is seen, not proven)"
	}
	if len(f.Frames) > 0 {
		text += " [frame" + plural(len(f.Frames))
		for i, n := range f.Frames {
			if i > 0 {
				text += ","
			}
			text += fmt.Sprintf(" %d", n)
		}
		text += "]"
	}
	return text
}

// peersText says what the two ends look like: "strongSwan and xl2tpd > libreswan".
func (s *Session) peersText() string {
	ike, l2tp := s.peers()
	var ends [2]string
	for side := range ends {
		switch a, b := string(ike[side]), string(l2tp[side]); {
		case a != "" && b != "" && !strings.HasPrefix(a, b):
			ends[side] = a + " and " + b
		default:
			ends[side] = cmp.Or(a, b)
		}
	}
	if ends == ([2]string{}) {
		return ""
	}
	return fmt.Sprintf("look like %s > %s", cmp.Or(ends[client], "-"), cmp.Or(ends[server], "-"))
}

func (o *jsonIKE) text() string {
	parts := []string{"phase 1 was not captured"}
	if o.Exchange != "" {
		parts[0] = o.Exchange + " mode"
	}
	if o.Cipher != "" {
		parts = append(parts, strings.TrimSpace(strings.Join([]string{o.Cipher, o.Hash, o.Group, o.Auth}, " ")))
	} else if len(o.Offered) > 0 {
		parts = append(parts, "offered "+o.Offered[0])
	}
	if o.SAs > 1 {
		parts = append(parts, fmt.Sprintf("%d ISAKMP SAs", o.SAs))
	}
	if o.Retransmissions == 0 {
		parts = append(parts, "no retransmissions")
	} else {
		parts = append(parts, fmt.Sprintf("%d retransmission%s", o.Retransmissions, plural(o.Retransmissions)))
	}
	if o.Seconds != nil {
		parts = append(parts, fmt.Sprintf("phase 1 took %.2f s", float64(*o.Seconds)/1e9))
	}
	return strings.Join(parts, "; ")
}

// configText says how the client logged in by XAUTH, and what it was given by Mode-Config.
func (s *Session) configText(o *jsonIKE) string {
	var parts []string
	if x := o.XAuth; x != nil && x.Accepted != nil {
		parts = append(parts, "xauth "+x.User.String()+" "+acceptance(*x.Accepted))
	}
	if c := o.Config; c != nil {
		text := c.Assigned
		if len(c.DNS) > 0 {
			text += ", dns " + strings.Join(c.DNS, " ")
		}
		parts = append(parts, text)
		if s.isSetUp() {
			parts = append(parts, "up after "+span64(s.lasted(s.up)))
		}
	}
	return strings.Join(parts, "; ")
}

func empty(s string) bool { return s == "" }

func acceptance(ok bool) string {
	if ok {
		return "accepted"
	}
	return "not accepted"
}

// sasText says how many ESP SAs list has, one at least, and how they protect.
func (s *Session) sasText(list []*flow) string {
	text := fmt.Sprintf("%d SA%s", len(list), plural(len(list)))
	if f := list[0]; f.cipher != "" {
		text += " " + f.cipher + " " + f.auth
	}
	if s.assoc.natt {
		text += " in UDP"
	}
	return text
}

func (s *Session) espText() string {
	list := s.sas()
	switch {
	case len(list) == 0 && slices.ContainsFunc(s.exchanges, (*exchange).completed):
		return "agreed on; no packet of it was seen"
	case len(list) == 0 && (s.exchange() != nil || s.clear.seen()):
		return "none"
	case len(list) == 0:
		return ""
	}
	text := s.sasText(list)
	if unused := len(list) - len(s.flows); unused == len(list) {
		return text + " agreed on; no packet of them was seen"
	} else if unused > 0 {
		text += fmt.Sprintf(", %d of them without a packet", unused)
	}
	if s.packets[client]+s.packets[server] == 0 {
		n := s.protected[client].n
		text += fmt.Sprintf("; client %d packet%s, server %d", n, plural(n), s.protected[server].n)
	}
	return text
}

func (s *Session) l2tpText() string {
	o := s.l2tpObject()
	if o == nil {
		return ""
	}
	text := fmt.Sprintf("version %d", o.Version)
	if o.Version == 3 && o.Session != nil {
		return text + fmt.Sprintf("; session %d/%d", o.Session[client], o.Session[server])
	}
	if o.Tunnel != nil {
		text = fmt.Sprintf("tunnel %d/%d", o.Tunnel[client], o.Tunnel[server])
	}
	if o.Host != ([2]printable.Text{}) {
		text += fmt.Sprintf(" %s > %s", cmp.Or(o.Host[client].String(), "-"), cmp.Or(o.Host[server].String(), "-"))
	}
	if o.Session != nil {
		text += fmt.Sprintf("; session %d/%d", o.Session[client], o.Session[server])
	}
	return text
}

// pppParts are what is said of PPP, o, which may be nil.
func (s *Session) pppParts(o *jsonPPP) (parts []string) {
	if o == nil {
		return nil
	}
	if o.Accepted != nil {
		parts = append(parts, strings.Join(slices.DeleteFunc([]string{o.Auth, s.User().String(), acceptance(*o.Accepted)}, empty), " "))
	}
	if o.Assigned != "" {
		text := o.Assigned
		if o.Peer != "" {
			text += " of " + o.Peer
		}
		if len(o.DNS) > 0 {
			text += ", dns " + strings.Join(o.DNS, " ")
		}
		parts = append(parts, text)
	}
	if o.MRU > 0 {
		parts = append(parts, fmt.Sprintf("mru %d", o.MRU))
	}
	if o.Compression != "" {
		parts = append(parts, o.Compression)
	}
	if o.Links > 1 {
		parts = append(parts, fmt.Sprintf("%d links", o.Links))
	}
	return parts
}

func (s *Session) pppText() string {
	o := s.pppObject()
	parts := s.pppParts(o)
	if o != nil && s.isSetUp() {
		parts = append(parts, "up after "+span64(s.lasted(s.up)))
	}
	return strings.Join(parts, "; ")
}

func (s *Session) trafficText() string {
	unread := ""
	if s.unread > 0 {
		unread = fmt.Sprintf("%d frame%s that PPP compresses or encrypts could not be read", s.unread, plural(int(s.unread)))
	}
	if s.packets[client]+s.packets[server] == 0 {
		return unread
	}
	if unread != "" {
		unread = "; " + unread
	}
	var lost, twice, late uint64
	for _, f := range s.flows {
		odd := f.window.Odd()
		lost, twice, late = lost+f.window.Missing(), twice+odd.Duplicates, late+odd.Reordered
	}
	sent := func(side int) string {
		n := int(s.packets[side])
		return fmt.Sprintf("%s %d packet%s %s", sideNames[side], n, plural(n), bytesText(s.bytes[side]))
	}
	return fmt.Sprintf("%s, %s; lost %d, twice %d, late %d%s", sent(client), sent(server), lost, twice, late, unread)
}

func bytesText(n uint64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f kB", float64(n)/1e3)
}

func (s *Session) endText(zone *time.Location) string {
	f := s.finding
	if !f.ended {
		return ""
	}
	return fmt.Sprintf("%s by the %s: %s", clock(f.endedAt.time, zone, "15:04:05"), sideNames[f.endedBy], f.EndReason)
}

var sideNames = [...]string{"client", "server", "network"}
