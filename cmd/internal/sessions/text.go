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
	line := func(name string, text []byte) {
		const column = "         "
		if len(text) > 0 {
			for _, part := range [...]string{"   ", name, column[len(name):], " "} {
				b.WriteString(part)
			}
			b.Write(text)
			b.WriteByte('\n')
		}
	}
	room := make([]byte, 0, 256)
	line("cause", append(room, s.causeText()...))
	line("cure", append(room, f.Cure...))
	if s.tries > 1 {
		line("tries", strconv.AppendInt(room, int64(s.tries), 10))
	}
	for _, r := range f.Remarks {
		line("remark", append(room, r...))
	}
	if n := s.clear.n + s.stray.n; n > 0 {
		line("warning", fmt.Appendf(room, "%d L2TP packet%s crossed in clear", n, plural(n)))
	}
	line("peers", s.appendPeers(room))
	if s.exchange() != nil {
		o := s.ikeObject()
		line("ike", o.appendText(room))
		line("config", append(room, s.configText(o)...))
	}
	line("ipsec", s.appendESP(room))
	line("l2tp", s.appendL2TP(room))
	line("ppp", append(room, s.pppText()...))
	line("traffic", s.appendTraffic(room))
	line("ended", s.appendEnd(room, zone))
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
		list := strings.Trim(fmt.Sprint(f.Frames), "[]")
		text += fmt.Sprintf(" [frame%s %s]", plural(len(f.Frames)), strings.ReplaceAll(list, " ", ", "))
	}
	return text
}

// appendPeers says what the two ends look like: "strongSwan and xl2tpd > libreswan".
func (s *Session) appendPeers(text []byte) []byte {
	ike, l2tp := s.peers()
	if ike == ([2]string{}) && ike == l2tp {
		return text
	}
	text = append(text, "look like "...)
	for side, before := range [...]string{"", " > "} {
		a, b := ike[side], l2tp[side]
		text = append(append(text, before...), cmp.Or(a, b, "-")...)
		if a != "" && b != "" && !strings.HasPrefix(a, b) {
			text = append(append(text, " and "...), b...)
		}
	}
	return text
}

func (o *jsonIKE) appendText(text []byte) []byte {
	if o.Exchange != "" {
		text = append(append(text, o.Exchange...), " mode"...)
	} else {
		text = append(text, "phase 1 was not captured"...)
	}
	if o.Cipher != "" {
		text = append(append(text, "; "...), o.Cipher...)
		for _, name := range [...]string{o.Hash, o.Group, o.Auth} {
			text = append(append(text, ' '), name...)
		}
		text = bytes.TrimRight(text, " ")
	} else if len(o.Offered) > 0 {
		text = append(append(text, "; offered "...), o.Offered[0]...)
	}
	if o.SAs > 1 {
		text = fmt.Appendf(text, "; %d ISAKMP SAs", o.SAs)
	}
	if o.Retransmissions == 0 {
		text = append(text, "; no retransmissions"...)
	} else {
		text = fmt.Appendf(text, "; %d retransmission%s", o.Retransmissions, plural(o.Retransmissions))
	}
	if o.Seconds != nil {
		text = fmt.Appendf(text, "; phase 1 took %.2f s", float64(*o.Seconds)/1e9)
	}
	return text
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

// appendSAs says how many ESP SAs list has, one at least, and how they protect.
func (s *Session) appendSAs(text []byte, list []*flow) []byte {
	text = fmt.Appendf(text, "%d SA%s", len(list), plural(len(list)))
	if f := list[0]; f.cipher != "" {
		text = append(append(append(append(text, ' '), f.cipher...), ' '), f.auth...)
	}
	if s.assoc.natt {
		text = append(text, " in UDP"...)
	}
	return text
}

func (s *Session) appendESP(text []byte) []byte {
	list := s.sas()
	switch {
	case len(list) == 0 && slices.ContainsFunc(s.exchanges, (*exchange).completed):
		return append(text, "agreed on; no packet of it was seen"...)
	case len(list) == 0 && (s.exchange() != nil || s.clear.seen()):
		return append(text, "none"...)
	case len(list) == 0:
		return text
	}
	text = s.appendSAs(text, list)
	if unused := len(list) - len(s.flows); unused == len(list) {
		return append(text, " agreed on; no packet of them was seen"...)
	} else if unused > 0 {
		text = fmt.Appendf(text, ", %d of them without a packet", unused)
	}
	if s.users == (volume{}) {
		n := s.protected[client].n
		text = fmt.Appendf(text, "; client %d packet%s, server %d", n, plural(n), s.protected[server].n)
	}
	return text
}

func (s *Session) appendL2TP(text []byte) []byte {
	o := s.l2tpObject()
	if o == nil {
		return text
	}
	if o.Tunnel != nil {
		text = fmt.Appendf(text, "tunnel %d/%d", o.Tunnel[client], o.Tunnel[server])
	} else {
		text = fmt.Appendf(text, "version %d", o.Version)
	}
	if o.Host != ([2]printable.Text{}) {
		text = fmt.Appendf(text, " %s > %s", cmp.Or(o.Host[client].String(), "-"), cmp.Or(o.Host[server].String(), "-"))
	}
	if o.Session != nil {
		text = fmt.Appendf(text, "; session %d/%d", o.Session[client], o.Session[server])
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

func (s *Session) appendTraffic(text []byte) []byte {
	separator := ""
	if s.users != (volume{}) {
		for side, before := range [...]string{"", ", "} {
			n := int(s.users.packets[side])
			text = fmt.Appendf(text, "%s%s %d packet%s ", before, sideNames[side], n, plural(n))
			text = appendBytes(text, s.users.bytes[side])
		}
		var lost, twice, late uint64
		for _, f := range s.flows {
			odd := f.window.Odd()
			lost, twice, late = lost+f.window.Missing(), twice+odd.Duplicates, late+odd.Reordered
		}
		text, separator = fmt.Appendf(text, "; lost %d, twice %d, late %d", lost, twice, late), "; "
	}
	if s.unread > 0 {
		text = fmt.Appendf(text, "%s%d frame%s that PPP compresses or encrypts could not be read", separator, s.unread,
			plural(int(s.unread)))
	}
	return text
}

func appendBytes(text []byte, n uint64) []byte {
	switch {
	case n >= 1e9:
		return fmt.Appendf(text, "%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Appendf(text, "%.1f MB", float64(n)/1e6)
	}
	return fmt.Appendf(text, "%.1f kB", float64(n)/1e3)
}

func (s *Session) appendEnd(text []byte, zone *time.Location) []byte {
	f := s.finding
	if !f.ended {
		return text
	}
	text = time.Unix(0, f.endedAt.time).In(zone).AppendFormat(text, "15:04:05")
	return fmt.Appendf(text, " by the %s: %s", sideNames[f.endedBy], f.EndReason)
}

var sideNames = [...]string{"client", "server", "network"}
