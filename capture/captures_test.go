package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const testCaptures = "../testdata/captures"

// outer lists the captures of the traffic outside of the tunnels.
func outer(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"outer*.pcap*", "client-any*.pcap", "server-any*.pcap"} {
		found, err := filepath.Glob(filepath.Join(testCaptures, "*", pattern))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	if len(all) < 40 {
		t.Fatalf("only %d captures in %s", len(all), testCaptures)
	}
	return all
}

func name(path string) string {
	return filepath.Join(filepath.Base(filepath.Dir(path)), filepath.Base(path))
}

// TestCaptures decodes all captures: no frame is malformed, fragments come together, and every UDP
// and TCP checksum that the network filled in is right.
func TestCaptures(t *testing.T) {
	fragmented := map[string]int{}
	for _, path := range outer(t) {
		src, err := Open([]string{path})
		if err != nil {
			t.Fatal(err)
		}
		var p Packet
		var f Frame
		r := NewReassembler(4<<20, 30e9)
		var whole, out []byte
		frames, esp, other := 0, 0, 0
		for {
			if err := src.Next(&p); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name(path), err)
			}
			frames++
			data := p.Data
			if err := f.Decode(src.Interfaces()[p.Interface].LinkType, data); err != nil {
				t.Errorf("%s: frame %d: %v", name(path), frames, err)
				continue
			}
			if f.Truncated != (p.Length > len(p.Data)) {
				t.Errorf("%s: frame %d: truncated %v, %d of %d bytes captured", name(path), frames, f.Truncated, len(p.Data), p.Length)
			}
			if f.IPVersion == 0 {
				other++
				continue
			}
			if f.Fragment {
				d, err := r.Add(nil, &f, data, p.Time)
				if err != nil && !errors.Is(err, ErrDuplicate) {
					t.Errorf("%s: frame %d: %v", name(path), frames, err)
				}
				if err != nil || !d.Complete {
					continue
				}
				fragmented[filepath.Base(filepath.Dir(path))]++
				out, err := f.DecodeReassembled(whole[:0], &f, data, d.Data)
				if err != nil {
					t.Errorf("%s: frame %d, reassembled: %v", name(path), frames, err)
				}
				whole, data = out, out
			}
			if f.Protocol == 50 || f.UDP && (f.SrcPort == 4500 || f.DstPort == 4500) {
				esp++
			}
			if f.Truncated {
				continue
			}
			// Without a change, the same comes out; Ethernet padding may go.
			out = f.AppendReplaced(out[:0], data, f.Protocol, data[f.PayloadStart:f.PayloadEnd])
			if !bytes.HasPrefix(data, out) || len(out) != f.PayloadEnd {
				t.Errorf("%s: frame %d changed:\n%x\nwas\n%x", name(path), frames, out, data)
			}
			if f.UDP {
				if ok, present := transportChecksumOK(data[f.LinkLen:]); present && ok {
					if out = f.AppendUDPPayload(out[:0], data, data[f.UDPStart:f.UDPEnd]); !bytes.HasPrefix(data, out) {
						t.Errorf("%s: frame %d changed:\n%x\nwas\n%x", name(path), frames, out, data)
					}
				}
			}
		}
		if r.pending.Len() != 0 {
			t.Errorf("%s: %d datagrams incomplete", name(path), r.pending.Len())
		}
		if esp == 0 || other > frames/2 {
			t.Errorf("%s: %d frames, %d of ESP, %d not IP", name(path), frames, esp, other)
		}
		src.Close()
	}
	for _, c := range []string{"08-rsa-ipfrag", "10-ipv6-outer", "13-ip-fragmented-esp"} {
		if fragmented[c] == 0 {
			t.Errorf("%s: nothing was reassembled", c)
		}
	}
	t.Logf("reassembled: %v", fragmented)
}

// TestVariants: the same capture in other formats yields the same packets.
func TestVariants(t *testing.T) {
	for _, c := range [][2]string{
		{"01-basic-aes128-sha1/outer.pcap", "01-basic-aes128-sha1/outer-be.pcap"},
		{"02-natt-aes256-sha1/outer.pcap", "02-natt-aes256-sha1/outer-ns.pcap"},
		{"03-3des-sha1-modp1024/outer.pcap", "03-3des-sha1-modp1024/outer.pcapng"},
		{"04-aes128-md5-modp1024/outer.pcap", "04-aes128-md5-modp1024/outer.pcap.gz"},
	} {
		var all [2][]kept
		for i, file := range c {
			src, err := Open([]string{filepath.Join(testCaptures, file)})
			if err != nil {
				t.Fatal(err)
			}
			if all[i], err = readAll(src); err != nil {
				t.Fatal(err)
			}
			src.Close()
			for j := range all[i] {
				all[i][j].opt = ""
			}
		}
		if len(all[0]) < 200 {
			t.Errorf("%s: %d packets", c[0], len(all[0]))
		}
		check(t, all[1], all[0])
	}
}

// TestTsharkDecodes compares addresses, protocols, ports and fragments with tshark's, frame by
// frame.
func TestTsharkDecodes(t *testing.T) {
	for _, file := range []string{
		"08-rsa-ipfrag/outer.pcap", "10-ipv6-outer/outer.pcap", "11-three-clients-two-behind-nat/outer.pcap",
		"13-ip-fragmented-esp/outer.pcap", "14-pppoe-wan/outer.pcap", "19-cooked-any/outer-any-sll1.pcap", "19-cooked-any/client-any-sll2.pcap",
	} {
		path := filepath.Join(testCaptures, file)
		args := []string{"-r", path, "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE", "-T", "fields", "-E", "occurrence=f"}
		for _, f := range []string{"frame.time_epoch", "frame.len", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "ip.proto", "udp.srcport", "udp.dstport", "tcp.srcport", "ip.frag_offset", "ipv6.fraghdr.offset"} {
			args = append(args, "-e", f)
		}
		lines := strings.Split(strings.TrimSuffix(tshark(t, "tshark", args...), "\n"), "\n")
		src, err := Open([]string{path})
		if err != nil {
			t.Fatal(err)
		}
		var p Packet
		var f Frame
		n := 0
		for ; ; n++ {
			if err := src.Next(&p); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			if err := f.Decode(src.Interfaces()[p.Interface].LinkType, p.Data); err != nil {
				t.Fatal(err)
			}
			row := make([]string, 12)
			row[0] = fmt.Sprintf("%d.%09d", p.Time/1e9, p.Time%1e9)
			row[1] = strconv.Itoa(p.Length)
			switch f.IPVersion {
			case 4:
				row[2], row[3], row[6], row[10] = f.Src.String(), f.Dst.String(), strconv.Itoa(int(f.Protocol)), strconv.Itoa(f.FragOffset)
			case 6:
				row[4], row[5] = f.Src.String(), f.Dst.String()
				if f.Fragment {
					row[11] = strconv.Itoa(f.FragOffset)
				}
			}
			if f.UDP {
				row[7], row[8] = strconv.Itoa(int(f.SrcPort)), strconv.Itoa(int(f.DstPort))
			}
			if f.TCP {
				row[9] = strconv.Itoa(int(f.SrcPort))
			}
			if n >= len(lines) {
				break
			}
			want := strings.Split(lines[n], "\t")
			for _, i := range []int{10, 11} { // some versions of tshark give the field itself, in units of 8 bytes
				if units, err := strconv.Atoi(want[i]); err == nil && units*8 == f.FragOffset {
					want[i] = row[i]
				}
			}
			if f.Protocol == 1 || f.Protocol == 58 || f.Protocol == 4 || f.Protocol == 41 || f.UDP && !f.Fragment {
				// tshark's first occurrence is within: an ICMP error quotes a packet, L2TP in clear
				// carries one.
				for i := 4; i < len(want); i++ {
					if row[i] == "" {
						want[i] = ""
					}
				}
			}
			if got := strings.Join(row, "\t"); got != strings.Join(want, "\t") {
				t.Errorf("%s: frame %d: %q, tshark %q", file, n+1, got, want)
			}
		}
		src.Close()
		if n != len(lines) {
			t.Errorf("%s: %d frames, tshark %d", file, n, len(lines))
		}
	}
}

// TestPeerCaptures reads the test files of other projects, many of them made to hurt.
func TestPeerCaptures(t *testing.T) {
	const dir = "../../shared/peer-captures"
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no peer captures beside the repository")
	}
	files, frames := 0, 0
	filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(d.Name(), ".pcap") && !strings.Contains(d.Name(), ".cap") || strings.HasSuffix(d.Name(), ".md") {
			return err
		}
		src, err := Open([]string{path})
		if err != nil {
			if d.Name() != "PPPHandshake.cap" || !strings.Contains(err.Error(), "Network Monitor") {
				t.Errorf("%v", err)
			}
			return nil
		}
		defer src.Close()
		files++
		var p Packet
		var f Frame
		r := NewReassembler(1<<20, 30e9)
		for n := 1; ; n++ {
			if err := src.Next(&p); err == io.EOF {
				return nil
			} else if err != nil {
				t.Logf("%v", err)
				return nil
			}
			frames++
			if err := f.Decode(src.Interfaces()[p.Interface].LinkType, p.Data); err != nil {
				t.Logf("%s: frame %d: %v (%d of %d bytes, truncated %v)", name(path), n, err, len(p.Data), p.Length, f.Truncated)
				continue
			}
			if f.Fragment {
				if _, err := r.Add(nil, &f, p.Data, p.Time); err != nil {
					t.Logf("%s: frame %d: %v", name(path), n, err)
				}
			}
		}
	})
	if files < 60 || frames < 500 {
		t.Errorf("%d frames of %d files", frames, files)
	}
}
