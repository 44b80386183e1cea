//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/output"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/sessions"
	"l2tpdump/cmd/internal/traffic"
	"l2tpdump/cmd/internal/why"
	"l2tpdump/esp"
	"l2tpdump/esp/lanes"
	"l2tpdump/keysrc"
)

// stages are what can be measured apart, on one processor.
var stages = []struct{ name, what string }{
	{"read", "reading the file"},
	{"frame", "reading, link layer and IP"},
	{"hmac", "HMAC-SHA1"},
	{"cbc", "AES-CBC"},
	{"open", "ICV, decryption, padding and structure (esp.Opener)"},
	{"pipeline", "all but the output"},
	{"clear", "all, sessions included, the capture discarded"},
}

// stage measures one of the stages.
func stage(what, file string, packets [][]byte) (cost, error) {
	var err error
	c := here(len(packets), func() {})
	switch what {
	case "read", "frame":
		c = here(len(packets), func() { err = readAll(file, what == "frame") })
	case "hmac", "cbc":
		c = here(len(packets), func() { err = oneAlgorithm(what, packets) })
	case "open":
		c = here(len(packets), func() { err = openAll(packets) })
	case "pipeline", "clear":
		c = here(len(packets), func() { err = pipelineAll(file, what == "clear") })
	default:
		err = fmt.Errorf("there is no stage %q", what)
	}
	return c, err
}

// readAll reads a capture, and decodes each frame's headers down to ESP.
func readAll(file string, decode bool) error {
	src, err := capture.Open([]string{file})
	if err != nil {
		return err
	}
	defer src.Close()
	var (
		p capture.Packet
		f capture.Frame
	)
	for {
		if err := src.Next(&p); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if decode {
			if err := f.Decode(capture.Ethernet, p.Data); err != nil {
				return err
			}
		}
	}
}

// oneAlgorithm does a half of the cryptography.
func oneAlgorithm(what string, packets [][]byte) error {
	key, authKey := traffic.NewSA(firstSPI).Keys()
	var c lanes.CBC
	if err := c.SetKey(key); err != nil {
		return err
	}
	auth := lanes.NewHMACSHA1(authKey)
	var (
		h        lanes.Hasher
		messages [cryptoBatch]lanes.Message
	)
	plain := make([]byte, 1<<16)
	for len(packets) > 0 {
		n := min(len(packets), cryptoBatch)
		for i, p := range packets[:n] {
			text := p[espLen+ivLen : len(p)-icvLen]
			if what == "cbc" {
				c.Decrypt(plain[:len(text)], p[espLen:][:ivLen], text)
			} else {
				messages[i] = lanes.Message{Key: &auth, Data: p[:len(p)-icvLen]}
			}
		}
		if what == "hmac" {
			h.Sums(messages[:n])
		}
		packets = packets[n:]
	}
	return nil
}

// openAll opens the packets as the pipeline does.
func openAll(packets [][]byte) error {
	s := secretOf(firstSPI)
	sa, err := esp.NewSA(s.SPI, s.Suite, s.Key, s.AuthKey)
	if err != nil {
		return err
	}
	var (
		o      esp.Opener
		opened esp.Plaintext
	)
	plain := make([]byte, 0, 1<<16)
	for len(packets) > 0 {
		n := min(len(packets), cryptoBatch)
		for _, p := range packets[:n] {
			o.Expect(sa, p, 0, 0)
		}
		for _, p := range packets[:n] {
			if err := o.Open(sa, &opened, plain, p, 0, 0); err != nil {
				return err
			}
		}
		o.Release()
		packets = packets[n:]
	}
	return nil
}

// secretOf is what the capture's key table says of an SA.
func secretOf(spi uint32) *esp.Secret {
	key, authKey := traffic.NewSA(spi).Keys()
	return &esp.Secret{
		SPI: spi, SPIMask: ^uint32(0),
		Suite: esp.Suite{Cipher: esp.CipherByName("aes-cbc"), KeyLen: len(key), Auth: esp.AuthByName("hmac-sha1-96"),
			ICVLen: icvLen},
		Key: esp.NewKey(key), AuthKey: esp.NewKey(authKey), Origin: esp.OriginAt("bench", 1),
	}
}

// pipelineAll carries the frames of a capture that generate wrote through the pipeline; with write
// also to what the program has behind it.
func pipelineAll(file string, write bool) error {
	src, err := capture.Open([]string{file})
	if err != nil {
		return err
	}
	defer src.Close()
	keys, err := keysrc.ParseFile(keysOf(file), "")
	if err != nil {
		return err
	}
	p := pipeline.New(pipeline.Config{Source: src})
	p.AddKeys(keys)
	if write {
		p.AddSink(sessions.NewGatherer(func(*sessions.Session) error { return nil }))
		p.AddSink(output.NewClear(output.ClearConfig{
			Open:   func() (io.Writer, error) { return io.Discard, nil },
			Layer:  output.LayerL2TP,
			Source: src,
		}))
	}
	stats, err := p.Run(context.Background())
	if err == nil && stats.Count(pipeline.ESP, why.Verified) == 0 {
		err = errors.New("no packet was verified")
	}
	return err
}
