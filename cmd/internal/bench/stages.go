//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

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
var stages = []struct {
	name, what string
	run        func(file string, packets [][]byte) error
}{
	{"read", "reading the file", func(file string, _ [][]byte) error { return readAll(file, false) }},
	{"frame", "reading, link layer and IP", func(file string, _ [][]byte) error { return readAll(file, true) }},
	{"hmac", "HMAC-SHA1", hmacAll},
	{"cbc", "AES-CBC", cbcAll},
	{"open", "ICV, decryption, padding and structure (esp.Opener)", openAll},
	{"pipeline", "all but the output", func(file string, _ [][]byte) error { return pipelineAll(file, false) }},
	{"clear", "all, sessions included, the capture discarded",
		func(file string, _ [][]byte) error { return pipelineAll(file, true) }},
}

// stage measures one of the stages.
func stage(name, file string, packets [][]byte) (c cost, err error) {
	for _, s := range stages {
		if s.name == name {
			c = here(len(packets), func() { err = s.run(file, packets) })
			return c, err
		}
	}
	return c, fmt.Errorf("there is no stage %q", name)
}

// readAll reads a capture, and decodes each frame's headers down to ESP.
func readAll(file string, decode bool) error {
	var f capture.Frame
	return eachFrame(file, func(data []byte) error {
		if decode {
			return f.Decode(capture.Ethernet, data)
		}
		return nil
	})
}

// hmacAll and cbcAll do a half of the cryptography each.
func hmacAll(_ string, packets [][]byte) error {
	_, authKey := traffic.NewSA(firstSPI).Keys()
	auth := lanes.SHA1.HMAC(authKey)
	var (
		h        lanes.Hasher
		messages [cryptoBatch]lanes.Message
	)
	for batch := range slices.Chunk(packets, cryptoBatch) {
		for i, p := range batch {
			messages[i] = lanes.Message{Key: &auth, Data: p[:len(p)-icvLen]}
		}
		h.Sums(messages[:len(batch)])
	}
	return nil
}

func cbcAll(_ string, packets [][]byte) error {
	key, _ := traffic.NewSA(firstSPI).Keys()
	var c lanes.CBC
	if err := c.SetKey(key); err != nil {
		return err
	}
	plain := make([]byte, 1<<16)
	for _, p := range packets {
		text := p[espLen+ivLen : len(p)-icvLen]
		c.Decrypt(plain[:len(text)], p[espLen:][:ivLen], text)
	}
	return nil
}

// openAll opens the packets as the pipeline does.
func openAll(_ string, packets [][]byte) error {
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
	for batch := range slices.Chunk(packets, cryptoBatch) {
		for _, p := range batch {
			o.Expect(sa, p, 0, 0)
		}
		for _, p := range batch {
			if err := o.Open(sa, &opened, plain, p, 0, 0); err != nil {
				return err
			}
		}
		o.Release()
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
