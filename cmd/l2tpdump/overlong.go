package main

import (
	"fmt"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/esp"
	"l2tpdump/keysrc"
)

// overlong returns what is to be said of encryption keys that open packets with their first bytes and are longer in their source than the
// algorithm takes, by the place in the source.
func overlong(p *pipeline.Pipeline, sources []*keysrc.Store) map[string]string {
	opened := make(map[string][]*esp.Flow) // by the place of the key
	for _, f := range append(p.ESP().Flows(), p.Nested()...) {
		if s := f.State(); s.Err == nil {
			opened[s.Origin] = append(opened[s.Origin], f)
		}
	}
	if len(opened) == 0 {
		return nil
	}
	said := make(map[string]string)
	for _, source := range sources {
		source.Blank().EachESP(func(_ uint32, s *esp.Secret) {
			for _, f := range opened[s.Origin.String()] {
				state := f.State()
				if n, takes := s.Key.Len(), state.Key.Len(); s.MatchesSPI(f.SPI()) && takes > 0 && n > takes {
					said[s.Origin.String()] = fmt.Sprintf("%d bytes stand in the key source and %s takes %d: the first of them are the key, the others belong to none and are not used",
						n, state.Suite.CipherName(), takes)
				}
			}
		})
	}
	return said
}
