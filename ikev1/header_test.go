package ikev1

import (
	"bytes"
	"errors"
	"testing"
)

// The header of a Quick Mode message of the captures.
var headerBytes = unhex(`05041c1d00fd6eff 2e9ac75cd77f5cc6 08 10 20 01 5c9704a7 0000004c`)

func TestHeader(t *testing.T) {
	h, err := ParseHeader(headerBytes)
	if err != nil {
		t.Fatal(err)
	}
	want := Header{
		InitiatorCookie: Cookie{5, 4, 0x1c, 0x1d, 0, 0xfd, 0x6e, 0xff},
		ResponderCookie: Cookie{0x2e, 0x9a, 0xc7, 0x5c, 0xd7, 0x7f, 0x5c, 0xc6},
		NextPayload:     PayloadHash,
		MajorVersion:    1,
		Exchange:        ExchangeQuick,
		Flags:           FlagEncryption,
		MessageID:       0x5c9704a7,
		Length:          76,
	}
	if h != want {
		t.Errorf("got %+v", h)
	}
	if got := h.Append(nil); !bytes.Equal(got, headerBytes) {
		t.Errorf("appended: %x", got)
	}
	if !h.encrypted() || h.Phase1() || !h.isV1() || h.ExchangeName() != "quick" || h.VersionName() != "IKEv1" {
		t.Errorf("encrypted %v, phase 1 %v, %s %s", h.encrypted(), h.Phase1(), h.VersionName(), h.ExchangeName())
	}
	if s := h.InitiatorCookie.String(); s != "05041c1d00fd6eff" {
		t.Errorf("cookie %s", s)
	}
	for n := range HeaderLen {
		if _, err := ParseHeader(headerBytes[:n]); !errors.Is(err, ErrMalformed) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
}

func TestHeaderNames(t *testing.T) {
	for _, c := range []struct {
		h                 Header
		version, exchange string
		encrypted, phase1 bool
	}{
		{Header{MajorVersion: 1, Exchange: 1}, "IKEv1", "base", false, true},
		{Header{MajorVersion: 1, Exchange: 2}, "IKEv1", "main", false, true},
		{Header{MajorVersion: 1, Exchange: 3}, "IKEv1", "auth only", false, true},
		{Header{MajorVersion: 1, Exchange: 4, Flags: 1}, "IKEv1", "aggressive", true, true},
		{Header{MajorVersion: 1, Exchange: 5, Flags: 1}, "IKEv1", "informational", true, false},
		{Header{MajorVersion: 1, Exchange: 6, Flags: 3}, "IKEv1", "transaction", true, false},
		{Header{MajorVersion: 1, Exchange: 33, Flags: 1}, "IKEv1", "new group", true, false},
		{Header{MajorVersion: 1, Exchange: 99, Flags: 4}, "IKEv1", "exchange 99", false, false},
		{Header{MajorVersion: 2, Exchange: 34, Flags: 8}, "IKEv2", "IKE_SA_INIT", false, false},
		{Header{MajorVersion: 2, Exchange: 35, Flags: 9}, "IKEv2", "IKE_AUTH", false, false},
		{Header{MajorVersion: 2, Exchange: 4}, "IKEv2", "exchange 4", false, false},
		{Header{MajorVersion: 3, MinorVersion: 1, Exchange: 2, Flags: 1}, "ISAKMP 3.1", "main", false, false},
	} {
		if c.h.VersionName() != c.version || c.h.ExchangeName() != c.exchange || c.h.encrypted() != c.encrypted {
			t.Errorf("%+v: %s %s, encrypted %v", c.h, c.h.VersionName(), c.h.ExchangeName(), c.h.encrypted())
		}
		if c.h.Phase1() != c.phase1 {
			t.Errorf("%+v: phase 1 %v", c.h, c.h.Phase1())
		}
	}
}
