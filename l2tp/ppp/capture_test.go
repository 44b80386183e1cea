package ppp

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/gopacket/pcapgo"
)

const peers = "../../../shared/peer-captures/"

// summaries reads a capture of PPP frames; skip is the size of what comes before each frame. The
// test is skipped if the file is not there.
func summaries(t *testing.T, file string, skip int) []string {
	t.Helper()
	f, err := os.Open(peers + file)
	if errors.Is(err, os.ErrNotExist) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := pcapgo.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for {
		data, _, err := r.ReadPacketData()
		if err == io.EOF {
			return lines
		}
		if err != nil {
			t.Fatal(err)
		}
		var fr Frame
		if err := fr.Decode(data[skip:]); err != nil {
			lines = append(lines, err.Error())
			continue
		}
		lines = append(lines, string(AppendSummary(nil, &fr, data[skip:])))
	}
}

// TestNegotiation reads a real negotiation; codes and values are those that tshark and the wiki's
// page have.
func TestNegotiation(t *testing.T) {
	got := summaries(t, "wireshark-wiki/l2tp-ppp/ppp_lcp_ipcp.pcap", 1)
	want := strings.Split(strings.TrimSpace(`
Cisco, length 7
LCP Conf-Req id 1: accm 0x000a0000
0x000d, length 10, data 0x0a434f4e4e4543540d0a
LCP Conf-Req id 0: accm 0x00000000, magic 0x43acefab, pfc, acfc
LCP Conf-Rej id 0: magic 0x43acefab, pfc, acfc
LCP Conf-Nak id 1: magic 0x43ace5f9, pfc, acfc
LCP Conf-Req id 2: accm 0x000a0000
LCP Conf-Req id 1: accm 0x00000000
LCP Conf-Ack id 1: accm 0x00000000
LCP Conf-Nak id 2: magic 0x43ace5f9, pfc, acfc
LCP Conf-Req id 3: accm 0x000a0000
LCP Conf-Nak id 3: magic 0x43ace5f9, pfc, acfc
LCP Conf-Req id 4: accm 0x000a0000
LCP Conf-Ack id 4: accm 0x000a0000
CCP Conf-Req id 1: deflate window 15, deflate-draft window 15
IPCP Conf-Req id 1: addr 0.0.0.0, dns1 0.0.0.0, dns2 0.0.0.0
LCP Disc-Req id 2: magic 0x43acefab
IPCP Conf-Req id 0: addr 68.28.113.85
IPCP Conf-Ack id 0: addr 68.28.113.85
LCP Prot-Rej id 3: protocol CCP, data 0x0101000c1a04780018047800
IPCP Conf-Nak id 1: addr 10.160.219.2, dns1 68.28.114.91, dns2 68.28.122.93
IPCP Conf-Req id 2: addr 10.160.219.2, dns1 68.28.114.91, dns2 68.28.122.93
IPCP Conf-Ack id 2: addr 10.160.219.2, dns1 68.28.114.91, dns2 68.28.122.93`), "\n")
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestInvalidLengths reads tcpdump's fuzzed packet of 8 kB of options.
func TestInvalidLengths(t *testing.T) {
	got := summaries(t, "tcpdump/ppp-invalid-lengths.pcap", 0)
	const begin = "IPCP Conf-Nak id 128: compress iphc tcp 24929 non-tcp 24929, option 123 0x7b7b"
	if len(got) != 1 || !strings.HasPrefix(got[0], begin) || !strings.HasSuffix(got[0], ", ...") {
		t.Errorf("%q", got)
	}
}
