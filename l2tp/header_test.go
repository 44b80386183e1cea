package l2tp

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"

	"l2tpdump/testdata/race"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// build makes a header as RFC 2661 section 3.1 lays it out, written apart from Decode.
func build(control, length, sequence, offset, priority bool, payload []byte) ([]byte, Header) {
	h := Header{Version: 2, Control: control, HasLength: length, HasSequence: sequence, HasOffset: offset,
		Tunnel: 0x1234, Session: 0xabcd}
	flags := uint16(2)
	var b []byte
	if length {
		flags |= 0x4000
		b = append(b, 0, 0)
	}
	b = append(b, 0x12, 0x34, 0xab, 0xcd)
	if sequence {
		flags |= 0x0800
		h.Ns, h.Nr = 0x0102, 0xfffe
		b = append(b, 0x01, 0x02, 0xff, 0xfe)
	}
	if offset {
		flags |= 0x0200
		h.Offset = 3
		b = append(b, 0, 3, 0xee, 0xee, 0xee)
	}
	if priority {
		flags |= 0x0100
	}
	if control {
		flags |= 0x8000
	}
	b = append(binary.BigEndian.AppendUint16(nil, flags), b...)
	h.PayloadStart = len(b)
	b = append(b, payload...)
	h.PayloadEnd = len(b)
	if length {
		h.Length = uint16(len(b))
		binary.BigEndian.PutUint16(b[2:], h.Length)
	}
	return b, h
}

// read is what is known of a message without its tunnel.
func read(h *Header, data []byte) *Observation {
	o := &Observation{}
	if h.Control {
		o.Control = readControl(data[h.PayloadStart:h.PayloadEnd])
	}
	return o
}

func TestHeaderFlags(t *testing.T) {
	for bits := range 32 {
		on := func(i int) bool { return bits>>i&1 != 0 }
		t.Run(fmt.Sprintf("%05b", bits), func(t *testing.T) {
			data, want := build(on(0), on(1), on(2), on(3), on(4), []byte{0xff, 0x03, 0xc0, 0x21})
			var got Header
			if err := got.Decode(data); err != nil || got != want {
				t.Fatalf("%x: %+v %v\nwant %+v", data, got, err, want)
			}
			if !got.HasLength {
				return
			}
			// What follows the length is not payload.
			if err := got.Decode(append(bytes.Clone(data), 0, 0)); err != nil || got != want {
				t.Errorf("with trailing bytes: %+v %v", got, err)
			}
		})
	}
}

func TestHeaderCut(t *testing.T) {
	for bits := range 32 {
		on := func(i int) bool { return bits>>i&1 != 0 }
		data, whole := build(on(0), on(1), on(2), on(3), on(4), []byte{1, 2, 3, 4})
		for n := range data {
			var h Header
			err := h.Decode(data[:n])
			switch {
			case n >= whole.PayloadStart && !whole.HasLength:
				if err != nil || h.PayloadEnd != n {
					t.Errorf("flags %05b cut to %d: %v, payload to %d", bits, n, err, h.PayloadEnd)
				}
			case n >= whole.PayloadStart:
				if err != ErrTruncated || h.PayloadStart != whole.PayloadStart || h.PayloadEnd != n || h.Tunnel != whole.Tunnel {
					t.Errorf("flags %05b cut to %d: %v, %+v", bits, n, err, h)
				}
			default:
				if err == nil {
					t.Errorf("flags %05b cut to %d in the header: no error", bits, n)
				}
			}
			if h.PayloadStart < 0 || h.PayloadStart > h.PayloadEnd || h.PayloadEnd > n {
				t.Errorf("flags %05b cut to %d: payload %d:%d", bits, n, h.PayloadStart, h.PayloadEnd)
			}
		}
	}
}

func TestHeaderErrors(t *testing.T) {
	for _, c := range []struct {
		name, data string
		want       error
	}{
		{"empty", "", errShort},
		{"one byte", "c8", errShort},
		{"length 0", "c802000000000000 00000000", errLength},
		{"length 11 of 12", "c802000b00000000 00000000", errLength},
		{"length 12", "c802000c00000000 00000000", nil},
		{"length beyond", "c802ffff00000000 00000000", ErrTruncated},
		{"offset to the end", "0202 0001 0002 0002 0000", nil},
		{"offset beyond", "0202 0001 0002 0003 0000", errOffset},
		{"offset beyond length", "4202 000c 0001 0002 0003 0000 ff", errOffset},
		{"offset beyond what there is", "4202 0040 0001 0002 0030 0000 ff", ErrTruncated},
		{"offset 65535", "0202 0001 0002 ffff 0000", errOffset},
		{"version 0", "c800000c00000000 00000000", errVersion},
		{"version 4", "c804000c00000000 00000000", errVersion},
		{"version 15", "c80f000c00000000 00000000", errVersion},
		{"an IPv4 header", "45000054 00004000 40010000 c0a80001 c0a80002", errVersion},
	} {
		var h Header
		data := unhex(t, stripSpaces(c.data))
		if err := h.Decode(data); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if h.PayloadStart > h.PayloadEnd || h.PayloadEnd > len(data) {
			t.Errorf("%s: payload %d:%d of %d", c.name, h.PayloadStart, h.PayloadEnd, len(data))
		}
	}
}

func stripSpaces(s string) string { return string(bytes.ReplaceAll([]byte(s), []byte(" "), nil)) }

func TestHeaderOtherVersions(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"v3 control", "c803 0014 deadbeef 0001 0002 8008 0000 0000 0006", "L2TPv3 0xdeadbeef HELLO Ns 1 Nr 2"},
		{"v3 data", "0003 0000 12345678 ff03c021", "L2TPv3 session 0x12345678"},
		{"v3 ZLB", "c803 000c 00000001 0001 0002", "L2TPv3 0x1 ZLB Ns 1 Nr 2"},
		{"L2F", "1001 02 00 0007 0015 000c 0000", "L2F 21/7"},
		{"L2F with checksum", "1009 02 00 0007 0015 000c 0000", "L2F 21/7"},
	} {
		data := unhex(t, stripSpaces(c.data))
		var h Header
		if err := h.Decode(data); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if got := string(AppendSummary(nil, &h, read(&h, data), 0)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		for n := range 8 {
			if err := h.Decode(data[:n]); err == nil {
				t.Errorf("%s cut to %d: no error", c.name, n)
			}
		}
	}
}

func TestNoAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	data, _ := build(false, true, true, true, false, []byte{0xff, 0x03, 0x00, 0x21, 0x45})
	cut := data[:len(data)-1]
	var h Header
	var o Observation
	line := make([]byte, 0, 256)
	if n := testing.AllocsPerRun(1000, func() {
		if h.Decode(cut) == nil || h.Decode(data) != nil {
			t.Error("decoding failed")
		}
		line = AppendSummary(line[:0], &h, &o, 0)
	}); n != 0 {
		t.Errorf("%v allocations for a data message", n)
	}
}
