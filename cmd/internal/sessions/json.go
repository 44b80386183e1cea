package sessions

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"strconv"

	"l2tpdump/ikev1"
	"l2tpdump/l2tp"
	"l2tpdump/l2tp/printable"
)

// Facts are a session as it is printed; absent members are not in the capture. The names with dots
// and ts, uid, duration are Zeek's.
type Facts struct {
	UID      string         `json:"uid"`
	Time     seconds        `json:"ts"`
	Duration seconds        `json:"duration"`
	Flow     string         `json:"community_id,omitempty"` // of the first packet
	OrigHost string         `json:"id.orig_h"`
	OrigPort *uint16        `json:"id.orig_p,omitempty"`
	RespHost string         `json:"id.resp_h"`
	RespPort *uint16        `json:"id.resp_p,omitempty"`
	State    State          `json:"state"`
	Step     string         `json:"step,omitempty"`
	CauseID  string         `json:"cause_id,omitempty"`
	Cause    string         `json:"cause,omitempty"`
	Cure     string         `json:"cure,omitempty"`
	Proven   *bool          `json:"proven,omitempty"`
	Evidence []uint64       `json:"evidence,omitempty"`
	Attempts int            `json:"attempts,omitempty"` // of IKE, up to the one of which something came
	Remarks  []string       `json:"remarks,omitempty"`
	Frames   []uint64       `json:"frames"`
	User     printable.Text `json:"user,omitempty"`
	Setup    *seconds       `json:"setup,omitempty"` // until users' packets could pass
	NAT      []Side         `json:"nat,omitempty"`   // who is behind one
	Moves    int            `json:"moves,omitempty"` // of the client to another address or port

	IKE  *jsonIKE  `json:"ike,omitempty"`
	ESP  []jsonESP `json:"esp,omitempty"`
	L2TP *jsonL2TP `json:"l2tp,omitempty"`
	PPP  *jsonPPP  `json:"ppp,omitempty"`

	jsonVolume
	Unread       uint64 `json:"unread_pkts,omitempty"` // frames of PPP that are compressed or encrypted
	ClearPackets int    `json:"clear_pkts"`

	Traffic       *jsonTraffic       `json:"traffic,omitempty"`
	Conversations []jsonConversation `json:"conversations,omitempty"`
	Others        *jsonVolume        `json:"other_conversations,omitempty"`
	Messages      []Event            `json:"messages,omitempty"`
	LeftOut       uint64             `json:"messages_left_out,omitempty"`

	Ended     *seconds `json:"ended,omitempty"`
	EndedBy   string   `json:"ended_by,omitempty"`
	EndReason string   `json:"end_reason,omitempty"`
}

// seconds are printed with six digits behind the point.
type seconds int64

// Seconds are the same as a number.
func (n seconds) Seconds() float64 { return math.Round(float64(n)/1e3) / 1e6 }

// MarshalJSON writes the number.
func (n seconds) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, n.Seconds(), 'f', 6, 64), nil
}

type jsonIKE struct {
	InitiatorCookie string            `json:"initiator_cookie"`
	ResponderCookie string            `json:"responder_cookie,omitempty"`
	Exchange        string            `json:"exchange,omitempty"` // of phase 1
	Auth            string            `json:"auth,omitempty"`
	Cipher          string            `json:"cipher,omitempty"`
	Hash            string            `json:"hash,omitempty"`
	Group           string            `json:"group,omitempty"`
	Identities      [2]printable.Text `json:"identities,omitzero"` // of the client and the server
	Vendors         [2][]string       `json:"vendors,omitzero"`
	LooksLike       [2]string         `json:"looks_like,omitzero"` // implementations, by the vendors
	Offered         []string          `json:"offered,omitempty"`
	XAuth           *jsonXAuth        `json:"xauth,omitempty"`
	Config          *jsonConfig       `json:"config,omitempty"`
	SAs             int               `json:"sas"`
	Retransmissions int               `json:"retransmissions"`
	Seconds         *seconds          `json:"seconds,omitempty"` // of phase 1
}

// jsonXAuth is a login by XAUTH.
type jsonXAuth struct {
	User     printable.Text `json:"user,omitempty"`
	Accepted *bool          `json:"accepted,omitempty"`
}

// jsonConfig is what the client is given by Mode-Config.
type jsonConfig struct {
	Assigned string   `json:"assigned"`
	DNS      []string `json:"dns,omitempty"`
}

type jsonESP struct {
	SPI        string `json:"spi"`
	Dst        string `json:"dst"`
	Cipher     string `json:"cipher,omitempty"`
	Auth       string `json:"auth,omitempty"`
	Life       uint64 `json:"life_seconds,omitempty"`
	Agreed     uint64 `json:"agreed_frame,omitempty"` // that completed its Quick Mode
	Packets    int    `json:"packets"`
	Missing    uint64 `json:"missing"`
	Duplicates uint64 `json:"duplicates"`
	Late       uint64 `json:"late"`
}

type jsonL2TP struct {
	Version uint8             `json:"version"`
	Tunnel  *[2]uint32        `json:"tunnel,omitempty"`
	Session *[2]uint32        `json:"session,omitempty"`
	Host    [2]printable.Text `json:"host,omitzero"`
	Vendor  [2]printable.Text `json:"vendor,omitzero"`

	LooksLike [2]string `json:"looks_like,omitzero"` // implementations, by vendor and host

	Result *uint16 `json:"result,omitempty"` // of CDN, else StopCCN
	Error  *uint16 `json:"error,omitempty"`
	Clear  bool    `json:"clear,omitempty"`
}

type jsonPPP struct {
	Auth        string   `json:"auth,omitempty"`
	Accepted    *bool    `json:"accepted,omitempty"`
	Assigned    string   `json:"assigned,omitempty"`
	Peer        string   `json:"peer,omitempty"`
	DNS         []string `json:"dns,omitempty"`
	MRU         int      `json:"mru,omitempty"`
	Links       int      `json:"links,omitempty"` // of Multilink
	Compression string   `json:"compression,omitempty"`
}

// Facts are the session as it is printed.
func (s *Session) Facts() *Facts {
	f := s.finding
	o := Facts{
		UID: s.UID, Time: seconds(s.first.time), Duration: seconds(s.lasted(s.last)),
		Flow:     communityID(s.ends),
		OrigHost: s.ends[client].Addr().String(), OrigPort: portOf(s.ends[client]),
		RespHost: s.ends[server].Addr().String(), RespPort: portOf(s.ends[server]),
		State: f.State, Step: f.Step, CauseID: f.ID, Cause: f.Cause, Cure: f.Cure, Evidence: f.Frames,
		Remarks: f.Remarks,
		Frames:  []uint64{s.first.frame, s.last.frame}, User: s.User(),
		ESP: s.espObjects(), L2TP: s.l2tpObject(), PPP: s.pppObject(),
		jsonVolume: s.users.object(client),
		Unread:     s.unread, ClearPackets: s.clear.n + s.stray.n,
		NAT: s.natted(), Moves: s.moves, Messages: s.Events(), LeftOut: s.events.dropped + s.events.refused,
		EndReason: f.EndReason,
	}
	if s.isSetUp() {
		setup := seconds(s.lasted(s.up))
		o.Setup = &setup
	}
	if s.series != nil {
		o.Traffic = s.series.object(s.users != volume{})
		o.Conversations, o.Others = s.talks.objects()
	}
	if f.ID != "" {
		o.Proven = &f.Proven
	}
	if f.ended {
		ended := seconds(f.endedAt.time)
		o.Ended, o.EndedBy = &ended, sideWords[f.endedBy]
	}
	if s.tries > 1 {
		o.Attempts = s.tries
	}
	if x := s.exchange(); x != nil {
		o.IKE = s.ikeObject()
	}
	return &o
}

// natted are the sides that are behind NAT, by what they told each other or by the client's moves.
func (s *Session) natted() (list []Side) {
	var sides [2]bool
	sides[client] = s.moves > 0
	for _, x := range s.exchanges {
		for side, state := range x.natted {
			sides[side] = sides[side] || state == natBehind
		}
	}
	for side, behind := range sides {
		if behind {
			list = append(list, Side(side))
		}
	}
	return list
}

func portOf(a netip.AddrPort) *uint16 {
	if p := a.Port(); p != 0 {
		return &p
	}
	return nil
}

// communityID names a flow of UDP as other tools do: version 1 of the Community ID, with seed 0; ""
// for one without ports.
func communityID(ends [2]netip.AddrPort) string {
	a, b := ends[client], ends[server]
	if a.Port() == 0 && b.Port() == 0 {
		return ""
	}
	if b.Compare(a) < 0 {
		a, b = b, a
	}
	data := []byte{0, 0}
	data = append(data, a.Addr().AsSlice()...)
	data = append(data, b.Addr().AsSlice()...)
	data = append(data, protoUDP, 0)
	data = binary.BigEndian.AppendUint16(data, a.Port())
	data = binary.BigEndian.AppendUint16(data, b.Port())
	sum := sha1.Sum(data)
	return "1:" + base64.StdEncoding.EncodeToString(sum[:])
}

func (s *Session) ikeObject() *jsonIKE {
	x := s.begun()
	o := &jsonIKE{
		InitiatorCookie: x.cookies[0].String(), Exchange: x.mode(), SAs: s.renewals - max(s.tries-1, 0),
		Auth: x.chosen.Auth, Cipher: x.chosen.Cipher, Hash: x.chosen.Hash, Group: x.chosen.Group,
		Identities: [2]printable.Text{x.ids[client].Value, x.ids[server].Value},
	}
	if x.vendors[client] != nil || x.vendors[server] != nil {
		o.Vendors = [2][]string{append([]string{}, x.vendors[client]...), append([]string{}, x.vendors[server]...)}
	}
	o.LooksLike, _ = s.peers()
	if x.chosen.Text == "" {
		o.Offered = x.offers
	}
	if x.cookies[1] != (ikev1.Cookie{}) {
		o.ResponderCookie = x.cookies[1].String()
	}
	if t := &x.terms; o.Cipher == "" && (x.reached() > 1 || x.read()) { // before that it is offered
		o.Auth, o.Cipher, o.Hash, o.Group = t.Auth, t.Cipher, t.Hash, t.Group
	}
	if c := &x.xauth; c.user != "" || c.status != "" {
		o.XAuth = &jsonXAuth{User: c.user}
		if c.status != "" {
			ok := c.status == "ok"
			o.XAuth.Accepted = &ok
		}
	}
	if c := &x.xauth; c.assigned != "" {
		o.Config = &jsonConfig{c.assigned, c.dns}
	}
	for _, x := range s.exchanges {
		o.Retransmissions += x.copies
	}
	if end := x.lastOfPhase1(); end > 0 && x.messages[1].seen() {
		t := seconds(x.messages[end].first.time - x.messages[1].first.time)
		o.Seconds = &t
	}
	return o
}

// lastOfPhase1 is the number of the last message of phase 1 if that was completed, else 0.
func (x *exchange) lastOfPhase1() int {
	n := 6
	if x.kind == ikev1.ExchangeAggressive {
		n = 3
	}
	if !x.messages[n].seen() {
		return 0
	}
	return n
}

func (s *Session) espObjects() []jsonESP {
	var list []jsonESP
	for _, f := range s.sas() {
		odd := f.window.Odd()
		o := jsonESP{SPI: fmt.Sprintf("0x%08x", f.spi), Dst: f.dst.String(), Cipher: f.cipher, Auth: f.auth,
			Packets: f.span.n, Missing: f.window.Missing(), Duplicates: odd.Duplicates, Late: odd.Reordered}
		if f.accepted {
			o.Life, o.Agreed = f.negotiated.LifeSeconds, f.agreed.frame
		}
		list = append(list, o)
	}
	return list
}

func (s *Session) l2tpObject() *jsonL2TP {
	t, c := s.tunnel(), s.call()
	switch {
	case s.v3:
		o := &jsonL2TP{Version: l2tp.Version3, Clear: s.inClear()}
		if s.pseudowire != ([2]uint32{}) {
			o.Session = &s.pseudowire
		}
		return o
	case t == nil && c == nil:
		return nil
	case t == nil:
		t = c.tunnel
	}
	o := &jsonL2TP{Version: l2tp.Version2, Host: t.host, Vendor: t.vendor, Clear: bool(t.clear)}
	_, o.LooksLike = s.peers()
	if t.ids != ([2]uint32{}) {
		o.Tunnel = &t.ids
	}
	end := t.stop
	if c != nil {
		o.Session = &c.ids
		if c.cdn != nil {
			end = c.cdn
		}
	}
	if end != nil && end.control.HasResult {
		o.Result, o.Error = &end.control.Result, &end.control.Error
	}
	return o
}

func (s *Session) pppObject() *jsonPPP {
	l := s.link()
	if l == nil || !l.first[client].seen() && !l.first[server].seen() && !l.auth.answered.seen() && !s.up.seen() {
		return nil
	}
	for _, other := range s.links() { // of Multilink one has IPCP
		if l.addr[client] == "" && other.addr[client] != "" {
			l = other
		}
	}
	o := &jsonPPP{Auth: l.auth.method, Assigned: l.addr[client], Peer: l.addr[server], DNS: l.dns,
		Compression: l.compression}
	said := l.auth.accepted.seen() || l.auth.refused.seen() || s.finding != nil && s.finding.State == Failed
	if l.auth.answered.seen() && said { // else what was said was not captured
		ok := l.auth.accepted.seen() && l.auth.accepted.time >= l.auth.refused.time
		o.Accepted = &ok
	}
	for _, n := range l.mru {
		if n > 0 && (o.MRU == 0 || n < o.MRU) {
			o.MRU = n
		}
	}
	if l.mrru {
		o.Links = len(s.calls)
	}
	return o
}

// ID implements [pipeline.Session]: it is the UID. What may turn out to be of another session has
// that one's.
func (s *Session) ID() string {
	if s.beside != nil && s.clear.seen() {
		return s.beside.UID
	}
	return s.UID
}

// User is who logged in, or tried to; "" if that was not seen.
func (s *Session) User() printable.Text {
	if c := lastOf(s.calls, func(c *call) bool { return c.link.auth.user != "" }); c != nil {
		return c.link.auth.user
	}
	if x := s.exchange(); x != nil {
		return x.xauth.user
	}
	return ""
}
