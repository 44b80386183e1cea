package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/salookup"
	"l2tpdump/esp"
	"l2tpdump/keysrc"
)

// takeEmbeddedKeys has the keys of a pcapng's ESPS secrets blocks used as they pass.
func takeEmbeddedKeys(src capture.Source, p *pipeline.Pipeline) {
	takeEmbedded(src, p, func(*keysrc.Keys) {})
}

// takeEmbedded does that, and tells of the keys.
func takeEmbedded(src capture.Source, p *pipeline.Pipeline, found func(*keysrc.Keys)) {
	s, ok := src.(capture.SecretsSource)
	if !ok {
		return
	}
	s.OnSecrets(func(kind uint32, data []byte) {
		if kind != capture.SecretsESPS {
			return
		}
		k := keysrc.ParseESPSecrets(data, "secrets block of the capture")
		reportDamage(k.Notes)
		p.AddKeys(k)
		found(k)
	})
}

// embedder gives each SA's keys out once, before the first packet that needs them.
type embedder struct {
	given map[embedded]*salookup.SA
	told  map[uint32]bool // SPIs that carry ESP themselves
}

// embedded is what an SA is known by.
type embedded struct {
	dst netip.Addr
	spi uint32
}

func newEmbedder() *embedder {
	return &embedder{make(map[embedded]*salookup.SA), make(map[uint32]bool)}
}

// rows returns the row of Wireshark's esp_sa table for the record's SA, nil if it has been given out.
func (e *embedder) rows(r *pipeline.Record) []byte {
	if len(r.Nested) > 0 && !e.told[r.SPI] {
		e.told[r.SPI] = true
		message("ESP 0x%08x carries ESP: the keys of what is inside are not embedded", r.SPI)
	}
	at := embedded{r.Net.Dst, r.SPI}
	if r.SA == nil || e.given[at] == r.SA || !r.Verdict.Opened() && !r.SA.Proved() {
		return nil
	}
	e.given[at] = r.SA
	return embeddedRow(&esp.Secret{
		SPI: r.SPI, SPIMask: ^uint32(0),
		Src: esp.AddrPatternFrom(r.Net.Src), Dst: esp.AddrPatternFrom(r.Net.Dst),
		Suite: r.SA.Suite, ESNKnown: true, SeqHigh: r.SeqHigh,
		Key: r.SA.Key, AuthKey: r.SA.AuthKey,
	})
}

// embeddedRow returns the row of an SA in the ten columns of esp_sa. Algorithms that Wireshark has no name for go by the names of
// this program, which reads them again; each row is a block of its own, so that Wireshark refuses no other for them.
func embeddedRow(s *esp.Secret) []byte {
	row, left := keysrc.AppendESPSecrets(nil, []*esp.Secret{s})
	if len(left) == 0 {
		return row
	}
	family := "IPv4"
	if a, ok := s.Src.Addr(); ok && a.Is6() {
		family = "IPv6"
	}
	cipher, auth := s.Suite.Cipher.Name, "none"
	if s.Suite.Cipher.AEAD {
		cipher += "-" + strconv.Itoa(s.Suite.ICVLen)
	} else if a := s.Suite.Auth; a != nil {
		auth = a.Name
		if a.Checked && s.AuthKey.IsZero() {
			auth = fmt.Sprintf("ANY %d bit authentication [no checking]", 8*a.ICVLen)
		}
	}
	var b bytes.Buffer
	for _, column := range []string{family, s.Src.String(), s.Dst.String(), fmt.Sprintf("0x%08x", s.SPI), cipher} {
		b.WriteString(`"` + column + `",`)
	}
	writeKey(&b, s.Key)
	b.WriteString(`,"` + auth + `",`)
	writeKey(&b, s.AuthKey)
	if s.Suite.ESN {
		fmt.Fprintf(&b, `,"64-bit","0x%08x"`, s.SeqHigh)
	} else {
		b.WriteString(`,"32-bit","0x00000000"`)
	}
	b.WriteByte('\n')
	return b.Bytes()
}

// writeKey writes a column with a key.
func writeKey(b *bytes.Buffer, k esp.Key) {
	b.WriteByte('"')
	if !k.IsZero() {
		b.WriteString("0x" + hex.EncodeToString(k.Bytes()))
	}
	b.WriteByte('"')
}
