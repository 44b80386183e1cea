package main

import (
	"bytes"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
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
