package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// manyPackets is a file of n packets of 100 bytes each, of which the first two tell the number.
func manyPackets(pcapng bool, n int) []byte {
	var b bytes.Buffer
	w := NewPcapWriter(&b, true)
	if pcapng {
		w = NewPcapngWriter(&b)
	}
	w.AddInterface(Interface{LinkType: Ethernet})
	for i := range n {
		data := count(100)
		binary.BigEndian.PutUint16(data, uint16(i))
		w.WritePacket(&Packet{Time: 1e18 + int64(i)*1e6, Length: 110, Data: data}, nil)
	}
	w.Flush()
	return b.Bytes()
}

// numbers are those of the packets that are whole, and what reading ended with.
func numbers(t *testing.T, file []byte) (list []int, err error) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(file), "x")
	if err != nil {
		t.Fatal(err)
	}
	got, err := readAll(r)
	for _, p := range got {
		if len(p.data) == 100 && p.data[2:] == string(count(100)[2:]) {
			list = append(list, int(p.data[0])<<8|int(p.data[1]))
		}
	}
	return list, err
}

const recordAt, recordSize = pcapHeaderLen, pcapRecordLen + 100 // in manyPackets

// A captured length that is larger than the one on the wire and ends where a record ends swallows
// none.
func TestSwallowed(t *testing.T) {
	file := manyPackets(false, 10)
	binary.LittleEndian.PutUint32(file[recordAt+3*recordSize+8:], 100+2*recordSize)
	binary.LittleEndian.PutUint32(file[recordAt+3*recordSize+12:], 100)
	list, err := numbers(t, file)
	want := fmt.Sprintf("x: at byte %d: packet of 332 captured bytes, but of 100 on the wire; skipped 116 bytes at offset %d",
		recordAt+3*recordSize+8, recordAt+3*recordSize)
	if fmt.Sprint(list) != "[0 1 2 4 5 6 7 8 9]" || err == nil || err.Error() != want {
		t.Errorf("%v %v", list, err)
	}
}

// Some programs write larger captured lengths, and mean it.
func TestLargerCapturedLength(t *testing.T) {
	file := manyPackets(false, 10)
	for i := range 10 {
		binary.LittleEndian.PutUint32(file[recordAt+i*recordSize+12:], uint32(i*7))
	}
	if list, err := numbers(t, file); len(list) != 10 || err != nil {
		t.Errorf("%v %v", list, err)
	}
}

// Whichever byte behind the file's header is damaged, at most two packets are not as they were, and
// nothing that was not there is read. What costs packets is told.
func TestDamageCostsLittle(t *testing.T) {
	for _, pcapng := range []bool{false, true} {
		file := manyPackets(pcapng, 12)
		first := bytes.Index(file, count(100)[2:]) - 2 - pcapRecordLen
		if pcapng {
			first = bytes.Index(file, count(100)[2:]) - 2 - 28
		}
		for i := first; i < len(file); i++ {
			for _, v := range []byte{0xff, 0x80, 0x01} {
				bad := bytes.Clone(file)
				bad[i] ^= v
				list, err := numbers(t, bad)
				if errors.Is(err, ErrCut) {
					continue // a length that reaches beyond the end: it may as well be a file that was cut
				}
				seen := make(map[int]bool)
				for _, n := range list {
					seen[n] = true
				}
				lost := 0
				for n := range 12 {
					if !seen[n] {
						lost++
					}
				}
				if lost > 2 {
					t.Fatalf("pcapng %v, byte %d ^ %x: %v, %v", pcapng, i, v, list, err)
				}
				if lost == 2 && err == nil {
					t.Errorf("pcapng %v, byte %d ^ %x: %v without a word", pcapng, i, v, list)
				}
			}
		}
	}
}

// Bytes that are missing, or that should not be there, in several places.
func TestResyncSeveralPlaces(t *testing.T) {
	for _, pcapng := range []bool{false, true} {
		file := manyPackets(pcapng, 40)
		at := func(n int) int { // a place within packet n
			data := count(100)
			binary.BigEndian.PutUint16(data, uint16(n))
			return bytes.Index(file, data) + 50
		}
		bad := join(file[:at(5)], file[at(5)+7:at(20)], bytes.Repeat([]byte{0xee}, 5001), file[at(20):])
		list, err := numbers(t, bad)
		if len(list) < 36 || err == nil || !strings.Contains(err.Error(), "skipped ") || !strings.Contains(err.Error(), " bytes at other places (1)") {
			t.Errorf("pcapng %v: %v %v", pcapng, list, err)
		}
	}
}

// Beyond a bound nothing is looked for, and the buffer does not grow with the file.
func TestResyncIsBounded(t *testing.T) {
	for _, pcapng := range []bool{false, true} {
		file := manyPackets(pcapng, 5)
		bad := join(file, bytes.Repeat([]byte{0xee}, 40<<20), file[len(file)-300:])
		r, err := NewReader(bytes.NewReader(bad), "x")
		if err != nil {
			t.Fatal(err)
		}
		got, err := readAll(r)
		var damage *FormatError
		if len(got) != 5 || !errors.As(err, &damage) || strings.Contains(err.Error(), "skipped") {
			t.Errorf("pcapng %v: %d packets, %v", pcapng, len(got), err)
		}
		if n := cap(r.in.buf); n > 4*maxResync {
			t.Errorf("pcapng %v: a buffer of %d bytes", pcapng, n)
		}
	}
}

// Behind an interface description that can't be read nothing tells which interface a packet is of.
func TestShortInterfaceEndsReading(t *testing.T) {
	b := new(ngBuilder)
	b.section(binary.LittleEndian)
	b.ifc(Ethernet, 0)
	b.block(blockInterface, make([]byte, 4))
	b.ifc(Raw, 0)
	b.epb(1, 7, 4, []byte("good"))
	r, err := NewReader(bytes.NewReader(b.Bytes()), "x")
	if err != nil {
		t.Fatal(err)
	}
	if all, err := readAll(r); len(all) != 0 || err == nil || !strings.Contains(err.Error(), "shorter than its fields") {
		t.Errorf("%v %v", all, err)
	}
}
