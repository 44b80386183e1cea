package main

import (
	"bytes"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/esp"
	"l2tpdump/keysrc"
)

// takeEmbeddedKeys has the keys of a pcapng's ESPS secrets blocks used as they pass.
func takeEmbeddedKeys(src capture.Source, p *pipeline.Pipeline) {
	s, ok := src.(capture.SecretsSource)
	if !ok {
		return
	}
	s.OnSecrets(func(kind uint32, data []byte) {
		if kind != capture.SecretsESPS {
			return
		}
		k, err := keysrc.Parse(bytes.NewReader(data), "secrets block of the capture", "esps")
		if err != nil {
			message("%v", err)
			return
		}
		reportNotes(k.Notes)
		p.AddKeys(k)
	})
}

// embedder gives each SA's keys out once, before the first packet that needs them.
type embedder struct {
	done map[uint32]*esp.SA // by SPI
}

func newEmbedder() *embedder { return &embedder{make(map[uint32]*esp.SA)} }

// rows returns the row of Wireshark's esp_sa table for the record's SA, nil if it has been given out.
func (e *embedder) rows(r *pipeline.Record) []byte {
	if r.SA == nil || e.done[r.SPI] == r.SA {
		return nil
	}
	e.done[r.SPI] = r.SA
	return nil
}
