package why_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"l2tpdump/cmd/internal/salookup"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
	"l2tpdump/keysrc"
)

// TestPacket: each thing that may come of opening a packet has its word, and what is no success its
// reason.
func TestPacket(t *testing.T) {
	for _, c := range []struct {
		plain esp.Plaintext
		err   error
		want  why.Verdict
	}{
		{esp.Plaintext{Verified: true}, nil, why.Verified},
		{esp.Plaintext{}, nil, why.Decrypted},
		{esp.Plaintext{}, esp.ErrICV, why.WrongKey},
		{esp.Plaintext{}, esp.ErrStructure, why.WrongKey},
		{esp.Plaintext{}, salookup.ErrUndecided, why.NoKey},
		{esp.Plaintext{}, esp.ErrTruncated, why.Truncated},
		{esp.Plaintext{}, esp.ErrMalformed, why.Malformed},
		{esp.Plaintext{}, esp.ErrPlaintext, why.Malformed},
		{esp.Plaintext{}, esp.ErrIncomplete, why.Incomplete},
		{esp.Plaintext{}, salookup.ErrNoKey, why.NoKey},
	} {
		if got := why.Packet(&c.plain, c.err); got != c.want {
			t.Errorf("%v: %s, want %s", c.err, got, c.want)
		}
		if c.err != nil && why.PacketReason(c.err, nil) == "" {
			t.Errorf("%v: no reason", c.err)
		}
	}
	if v := why.Packet(nil, errors.New("another")); v.Opened() {
		t.Error(v)
	}
}

// TestPacketReasonIsTheFlows: what is said of a packet is what its sources tell, as long as the
// error is theirs.
func TestPacketReasonIsTheFlows(t *testing.T) {
	key := &esp.Secret{SPI: 1, SPIMask: ^uint32(0), Key: esp.NewKey(make([]byte, 16)), KeyHead: true,
		Suite: esp.Suite{Cipher: esp.CipherByName("aes-cbc"), KeyLen: 32}, Origin: esp.OriginAt("log", 7)}
	a := &salookup.Attempt{Err: esp.ErrIncomplete, Set: salookup.Candidates([]salookup.Source{{Secret: key}}), Secrets: true}
	if got := why.PacketReason(esp.ErrIncomplete, a); !strings.HasPrefix(got,
		"16 of 32 bytes of the key (aes-cbc-256) are known, 16 are missing: set `ipsec sa policy") {
		t.Error(got)
	}
	if got := why.PacketReason(esp.ErrTruncated, a); !strings.Contains(got, "snaplen") {
		t.Error(got)
	}
	for secrets, want := range map[bool]string{false: "no ESP key was given", true: "the SPI is in no key source"} {
		a := &salookup.Attempt{Err: salookup.ErrNoKey, Set: &salookup.Set{}, Secrets: secrets}
		if got := why.PacketReason(salookup.ErrNoKey, a); !strings.HasPrefix(got, want) {
			t.Error(got)
		}
	}
}

func TestReason(t *testing.T) {
	for want, f := range map[string]why.Finding{
		"":                    {},
		"cause":               {Cause: "cause"},
		"cause: cure":         {Cause: "cause", Cure: "cure"},
		"cause: cure; remark": {Cause: "cause", Cure: "cure", Remark: "remark"},
		"remark":              {Remark: "remark"},
	} {
		if got := f.Reason(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestFailed: of a flow that a key opens, what is said of its other packets is about these alone.
func TestFailed(t *testing.T) {
	for _, c := range []struct {
		counts salookup.Counts
		flow   why.Finding
		want   why.Verdict
		cause  string
	}{
		{salookup.Counts{NoKey: 3}, why.Finding{Verdict: why.NoKey, Cause: "none"}, why.NoKey, "none"},
		{salookup.Counts{Verified: 9, Refused: 1}, why.Finding{Verdict: why.Verified}, why.WrongKey, "damaged on the way, or forged"},
		{salookup.Counts{Verified: 9, Truncated: 2, Refused: 1}, why.Finding{Verdict: why.Verified}, why.Truncated, "only part of them"},
		{salookup.Counts{Verified: 9, Malformed: 2, Refused: 1}, why.Finding{Verdict: why.Verified}, why.Malformed, "broken"},
		{salookup.Counts{Decrypted: 9, Refused: 2, Undecided: 2}, why.Finding{Verdict: why.Decrypted}, why.NoKey, "evidence enough"},
		{salookup.Counts{Verified: 9, Refused: 8}, why.Finding{Verdict: why.Verified, Others: 8, Remark: "another SA"}, why.WrongKey, "another SA"},
	} {
		got := why.Failed(&salookup.Report{Counts: c.counts}, c.flow)
		if got.Verdict != c.want || !strings.Contains(got.Cause, c.cause) {
			t.Errorf("%+v: %s: %s", c.counts, got.Verdict, got.Reason())
		}
	}
}

func TestLeftOut(t *testing.T) {
	var notes []keysrc.Note
	for i, want := range []string{"", "a value was left out: log:1", "2 values were left out, the first: log:1"} {
		if got := why.LeftOut(notes); !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%q, want %q", got, want)
		}
		notes = append(notes, keysrc.Note{File: "log", Line: i + 1, Text: fmt.Sprint("text ", i)},
			keysrc.Note{File: "log", Line: 99, Doubt: true})
	}
}
