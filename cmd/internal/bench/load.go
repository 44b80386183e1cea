//go:build unix

package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/traffic"
)

// Lengths in bytes.
const (
	pcapHeader = 24
	pcapRecord = 16 // in front of each packet
	outerLen   = 34 // Ethernet and IPv4
	espLen     = 8
	ivLen      = 16
	icvLen     = 12
)

// firstSPI is that of the first SA, the others count on from it.
const firstSPI = 0x10001

// load is a capture with its keys.
type load struct {
	file, keys string
	packets    int
	length     int // bytes of an ESP packet; all are equally long
	size       int // bytes of the file
}

// generate writes a capture of about size bytes, of packets that take turns to be of each of the
// SAs. frame appends one. It takes the place of an earlier one of that name.
func (b *bench) generate(name string, size, sas int, frame func(sa *traffic.SA, dst []byte) []byte) (*load, error) {
	file := filepath.Join(b.dir, name+".pcap")
	l := &load{file: file, keys: keysOf(file)}
	var table bytes.Buffer
	all := make([]*traffic.SA, sas)
	for i := range all {
		all[i] = traffic.NewSA(firstSPI + uint32(i))
		table.WriteString(all[i].TableRow())
	}
	if err := os.WriteFile(l.keys, table.Bytes(), 0o600); err != nil {
		return nil, err
	}
	f, err := os.Create(l.file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	buffered := bufio.NewWriterSize(f, 1<<20)
	w := capture.NewPcapWriter(buffered, false)
	if _, err := w.AddInterface(capture.Interface{LinkType: capture.Ethernet, SnapLen: capture.MaxPacketLen}); err != nil {
		return nil, err
	}
	var data []byte
	for l.size = pcapHeader; l.size < size; l.size += pcapRecord + len(data) {
		data = frame(all[l.packets%sas], data[:0])
		p := capture.Packet{Time: 1.7e18 + int64(l.packets)*1e4, Length: len(data), Data: data}
		if err := w.WritePacket(&p, nil); err != nil {
			return nil, err
		}
		l.packets++
	}
	l.length = len(data) - outerLen
	if err := w.Flush(); err != nil {
		return nil, err
	}
	return l, buffered.Flush()
}

// keysOf is the key table of a capture.
func keysOf(file string) string { return strings.TrimSuffix(file, ".pcap") + ".esp_sa" }

// remove deletes what generate wrote.
func (l *load) remove() {
	os.Remove(l.file)
	os.Remove(l.keys)
}

// ofInner makes frames whose inner IP packet has n bytes.
func ofInner(n int) func(*traffic.SA, []byte) []byte {
	return func(sa *traffic.SA, dst []byte) []byte { return sa.AppendInner(dst, n) }
}

// espPackets are the ESP packets of a capture that generate wrote, in memory.
func espPackets(file string) (packets [][]byte, err error) {
	err = eachFrame(file, func(data []byte) error {
		packets = append(packets, bytes.Clone(data[outerLen:]))
		return nil
	})
	return packets, err
}

// eachFrame gives f one frame of a capture after the other.
func eachFrame(file string, f func(data []byte) error) error {
	src, err := capture.Open([]string{file})
	if err != nil {
		return err
	}
	defer src.Close()
	var p capture.Packet
	for {
		if err := src.Next(&p); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := f(p.Data); err != nil {
			return err
		}
	}
}
