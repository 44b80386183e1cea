package inner

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/pcapgo"
)

// TestAgainstTshark compares summaries of real packets with what tshark reads of them.
func TestAgainstTshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip(err)
	}
	files, err := filepath.Glob("../../../testdata/captures/*/truth-inner-*client.pcap")
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	checked := 0
	for _, file := range files[:min(len(files), 3)] {
		fields := []string{"ip.src", "ipv6.src", "ip.dst", "ipv6.dst", "ip.proto", "ip.len", "ip.frag_offset", "ip.flags.mf", "tcp.srcport", "tcp.dstport",
			"tcp.seq_raw", "tcp.ack_raw", "tcp.window_size_value", "tcp.len", "tcp.flags.fin", "tcp.flags.syn", "tcp.flags.push", "tcp.flags.ack",
			"udp.srcport", "udp.dstport", "dns.qry.name", "dns.id", "icmp.ident", "icmp.seq"}
		args := []string{"-r", file, "-n", "-o", "ip.defragment:FALSE", "-o", "tcp.desegment_tcp_streams:FALSE", "-T", "fields", "-E", "separator=|", "-E", "occurrence=f"}
		for _, f := range fields {
			args = append(args, "-e", f)
		}
		out, err := exec.Command(tshark, args...).Output()
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
		for i, ip := range packets(t, file) {
			f := map[string]string{}
			for j, value := range strings.Split(lines[i], "|") {
				f[fields[j]] = value
			}
			got := string(AppendSummary(nil, ip, 0))
			info, err := Decode(ip)
			if err != nil {
				t.Errorf("packet %d: %v", i+1, err)
			}
			if info.Src.String() != f["ip.src"]+f["ipv6.src"] || info.Dst.String() != f["ip.dst"]+f["ipv6.dst"] {
				t.Errorf("packet %d: %s > %s: %s", i+1, info.Src, info.Dst, lines[i])
			}
			if f["ip.len"] != "" && fmt.Sprint(info.Length) != f["ip.len"] {
				t.Errorf("packet %d: length %d, want %s", i+1, info.Length, f["ip.len"])
			}
			for name, value := range valuesOf(Describe(ip)) {
				if checked++; f[name] != value {
					t.Errorf("packet %d: %s is %q, want %q", i+1, name, value, f[name])
				}
			}
			for _, want := range wanted(f) {
				checked++
				if !strings.Contains(got, want) {
					t.Errorf("packet %d: %s\nlacks %q", i+1, got, want)
				}
			}
		}
	}
	if checked < 1000 {
		t.Errorf("%d values compared", checked)
	}
}

// wanted is what the summary must contain, made from tshark's fields.
func wanted(f map[string]string) []string {
	switch {
	case f["ip.frag_offset"] != "0" && f["ip.frag_offset"] != "":
		return []string{" [fragment id "}
	case f["tcp.len"] != "":
		flags := ""
		for _, flag := range []struct{ field, letter string }{{"fin", "F"}, {"syn", "S"}, {"push", "P"}, {"ack", "."}} {
			if f["tcp.flags."+flag.field] == "1" {
				flags += flag.letter
			}
		}
		w := []string{"." + f["tcp.srcport"] + " > ", "." + f["tcp.dstport"] + ": Flags [" + flags + "], ",
			", win " + f["tcp.window_size_value"], ", length " + f["tcp.len"]}
		if f["tcp.len"] != "0" {
			w = append(w, ", seq "+f["tcp.seq_raw"]+":")
		}
		if f["tcp.flags.ack"] == "1" {
			w = append(w, ", ack "+f["tcp.ack_raw"])
		}
		return w
	case f["dns.id"] != "":
		var id int
		fmt.Sscanf(f["dns.id"], "0x%x", &id)
		w := []string{"." + f["udp.srcport"] + " > ", "." + f["udp.dstport"] + ": ", fmt.Sprintf("DNS %d", id)}
		if f["udp.dstport"] == "53" {
			w = append(w, "? "+f["dns.qry.name"]+". (")
		}
		return w
	case f["icmp.seq"] != "":
		return []string{": ICMP echo re", " id " + f["icmp.ident"] + " seq " + f["icmp.seq"] + ", length "}
	}
	return nil
}

// valuesOf is what Describe tells of a packet by the names that tshark has for it.
func valuesOf(d Fields) map[string]string {
	v := make(map[string]string)
	if t := d.TCP; t != nil {
		v["tcp.seq_raw"], v["tcp.ack_raw"] = fmt.Sprint(t.Seq), fmt.Sprint(t.Ack)
		v["tcp.window_size_value"], v["tcp.len"] = fmt.Sprint(t.Window), fmt.Sprint(t.Length)
	}
	if m := d.ICMP; m != nil && m.ID != nil {
		v["icmp.ident"], v["icmp.seq"] = fmt.Sprint(*m.ID), fmt.Sprint(*m.Seq)
	}
	if m := d.DNS; m != nil {
		v["dns.id"] = fmt.Sprintf("0x%04x", m.ID)
		if len(m.Questions) > 0 {
			v["dns.qry.name"] = strings.TrimSuffix(m.Questions[0].Name, ".")
		}
	}
	return v
}

// packets reads the IP packets of a capture.
func packets(t *testing.T, file string) [][]byte {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := pcapgo.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for {
		data, _, err := r.ReadPacketData()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		network := gopacket.NewPacket(data, r.LinkType(), gopacket.Lazy).NetworkLayer()
		if network == nil {
			t.Fatalf("packet %d is not IP", len(all)+1)
		}
		n := len(network.LayerContents()) + len(network.LayerPayload())
		all = append(all, data[len(data)-n:])
	}
}
