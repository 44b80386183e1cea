package main

import (
	"net/netip"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/salookup"
	"l2tpdump/cmd/internal/wstables"
	"l2tpdump/esp"
	"l2tpdump/keysrc"
)

// takeEmbeddedKeys has the keys of a pcapng's ESPS secrets blocks used as they pass, and found, if
// it is not nil, told of them.
func takeEmbeddedKeys(src capture.Source, p *pipeline.Pipeline, found func(*keysrc.Keys)) {
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
		if found != nil {
			found(k)
		}
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

// rows returns the row of Wireshark's esp_sa table for the record's SA, nil if it has been given
// out.
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
	return wstables.AppendESPSecret(nil, &esp.Secret{
		SPI: r.SPI, SPIMask: ^uint32(0),
		Src: esp.AddrPatternFrom(r.Net.Src), Dst: esp.AddrPatternFrom(r.Net.Dst),
		Suite: r.SA.Suite, ESNKnown: true, SeqHigh: r.SeqHigh,
		Key: r.SA.Key, AuthKey: r.SA.AuthKey,
	})
}
