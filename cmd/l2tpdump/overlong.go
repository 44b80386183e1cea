package main

import (
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
)

// overlong returns what is to be said of encryption keys that open packets with their first bytes
// and are longer in their source than the algorithm takes, by the place in the source.
func overlong(p *pipeline.Pipeline) map[string]string {
	said := make(map[string]string)
	for _, f := range p.Flows() {
		for sa := range f.OpenedWith {
			if text := why.Overlong(sa); text != "" {
				said[sa.From.Place()] = text
			}
		}
	}
	return said
}
