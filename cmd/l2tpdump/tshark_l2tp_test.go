package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"l2tpdump/testdata/race"
)

// avpField is a field of tshark's, and what it says in our terms of the AVP with this name; like is
// for those of which the value holds more.
type avpField struct {
	field, name string
	value       func(string) string
	like        func(value, part string) bool
}

func asIs(s string) string { return s }

func decimal(s string) string {
	n, err := strconv.ParseUint(s, 0, 64)
	if err != nil {
		return s
	}
	return strconv.FormatUint(n, 10)
}

// ascii is a text up to where it is UTF-8, which tshark takes for ASCII with errors.
func ascii(s string) string {
	if i := strings.IndexFunc(s, func(r rune) bool { return r > unicode.MaxASCII }); i >= 0 {
		return s[:i]
	}
	return s
}

func hexNumber(digits int) func(string) string {
	return func(s string) string {
		n, err := strconv.ParseUint(s, 0, 64)
		if err != nil {
			return s
		}
		return fmt.Sprintf("0x%0*x", digits, n)
	}
}

func octetString(s string) string { return "0x" + strings.ReplaceAll(s, ":", "") }

// fingerprint is what is shown of a challenge or a response of 16 bytes or more.
func fingerprint(s string) string {
	data, err := hex.DecodeString(strings.ReplaceAll(s, ":", ""))
	if err != nil {
		return s
	}
	sum := sha256.Sum256(data)
	return fmt.Sprintf("%d bytes, fingerprint %x", len(data), sum[:4])
}

func named(names map[string]string) func(string) string {
	return func(s string) string {
		if name, ok := names[decimal(s)]; ok {
			return name
		}
		return decimal(s)
	}
}

var pseudowireNames = map[string]string{"4": "ethernet-vlan", "5": "ethernet", "6": "hdlc", "7": "ppp"}

var avpFields = []avpField{
	{"l2tp.avp.assigned_tunnel_id", "Assigned Tunnel ID", decimal, nil},
	{"l2tp.avp.assigned_session_id", "Assigned Session ID", decimal, nil},
	{"l2tp.avp.assigned_control_conn_id", "Assigned Control Connection ID", hexNumber(8), nil},
	{"l2tp.avp.local_session_id", "Local Session ID", hexNumber(8), nil},
	{"l2tp.avp.remote_session_id", "Remote Session ID", hexNumber(8), nil},
	{"l2tp.avp.receive_window_size", "Receive Window Size", decimal, nil},
	{"l2tp.avp.call_serial_number", "Call Serial Number", decimal, nil},
	{"l2tp.avp.minimum_bps", "Minimum BPS", decimal, nil},
	{"l2tp.avp.maximum_bps", "Maximum BPS", decimal, nil},
	{"l2tp.avp.connect_speed", "(Tx) Connect Speed", decimal, nil},
	{"l2tp.avp.rx_connect_speed", "Rx Connect Speed", decimal, nil},
	{"l2tp.avp.physical_channel", "Physical Channel ID", decimal, nil},
	{"l2tp.avp.firmware_revision", "Firmware Revision", hexNumber(4), nil},
	{"l2tp.avp.host_name", "Host Name", asIs, nil},
	{"l2tp.avp.vendor_name", "Vendor Name", asIs, nil},
	{"l2tp.avp.called_number", "Called Number", asIs, nil},
	{"l2tp.avp.sub_address", "Sub-Address", asIs, nil},
	{"l2tp.avp.remote_end_id", "Remote End ID", asIs, nil},
	{"l2tp.avp.chap_challenge", "Challenge", fingerprint, nil},
	{"l2tp.avp.chap_challenge_response", "Challenge Response", fingerprint, nil},
	{"l2tp.avp.proxy_authen_type", "Proxy Authen Type", named(map[string]string{"1": "text", "2": "chap", "3": "pap", "4": "none", "5": "mschap"}), nil},
	{"l2tp.avp.proxy_authen_name", "Proxy Authen Name", asIs, nil},
	{"l2tp.avp.proxy_authen_id", "Proxy Authen ID", decimal, nil},
	{"l2tp.avp.proxy_authen_challenge", "Proxy Authen Challenge", fingerprint, nil},
	{"l2tp.avp.proxy_authen_response", "Proxy Authen Response", fingerprint, nil},
	{"l2tp.avp.assigned_cookie", "Assigned Cookie", octetString, nil},
	{"l2tp.avp.nonce", "Control Message Authentication Nonce", octetString, nil},
	{"l2tp.avp.message_digest", "Message Digest", func(s string) string { return octetString(s[2:]) }, strings.HasSuffix}, // the field has the digest type, too,
	{"l2tp.avp.pseudowire_type", "Pseudowire Type", named(pseudowireNames), nil},
	{"l2tp.avp.layer2_specific_sublayer", "L2-Specific Sublayer", decimal, nil},
	{"l2tp.avp.data_sequencing", "Data Sequencing", decimal, nil},
	{"l2tp.result_code", "Result Code", decimal, startsWithNumber},
	{"l2tp.avp.error_message", "Result Code", ascii, strings.Contains},
	{"l2tp.avp.cause_code", "Q.931 Cause Code", decimal, startsWithNumber},
	{"l2tp.avp.advisory_msg", "Q.931 Cause Code", asIs, strings.Contains},
	{"l2tp.avp.disconnect_code", "PPP Disconnect Cause Code", decimal, startsWithNumber},
	{"l2tp.avp.control_protocol_number", "PPP Disconnect Cause Code", hexNumber(4), strings.Contains},
	{"l2tp.avp.cause_code_message", "PPP Disconnect Cause Code", asIs, strings.Contains},
	{"l2tp.avp.crc_errors", "Call Errors", func(s string) string { return "crc-" + decimal(s) }, orZero},
	{"l2tp.avp.time_out_errors", "Call Errors", func(s string) string { return "timeout-" + decimal(s) }, orZero},
	{"l2tp.avp.send_accm", "ACCM", hexNumber(8), strings.Contains},
	{"l2tp.avp.receive_accm", "ACCM", hexNumber(8), strings.Contains},
}

// flagFields are the AVPs with two flags, by their names in our terms.
var flagFields = []struct{ name, field0, flag0, field1, flag1 string }{
	{"Framing Capabilities", "l2tp.avp.async_framing_supported", "async", "l2tp.avp.sync_framing_supported", "sync"},
	{"Bearer Capabilities", "l2tp.avp.analog_access_supported", "analog", "l2tp.avp.digital_access_supported", "digital"},
	{"Framing Type", "l2tp.avp.async_framing_type", "async", "l2tp.avp.sync_framing_type", "sync"},
	{"Bearer Type", "l2tp.avp.analog_bearer_type", "analog", "l2tp.avp.digital_bearer_type", "digital"},
}

func startsWithNumber(value, n string) bool {
	return strings.TrimFunc(strings.SplitAfterN(value+" ", n, 2)[0], func(r rune) bool { return r >= '0' && r <= '9' }) == "" && strings.HasPrefix(value, n)
}

func orZero(value, part string) bool {
	return strings.Contains(value, part) || strings.HasSuffix(part, "-0")
}

// ourControl are the control messages of a capture in clear, by their frames, as decrypt --json has
// them.
func ourControl(t *testing.T, file string) map[string]*controlMessage {
	t.Helper()
	stdout, _, _ := answer(t, "decrypt", "-q", "--json", "--only", "l2tp", "-r", file)
	list := make(map[string]*controlMessage)
	for line := range strings.Lines(stdout) {
		var f struct {
			Frame int
			L2TP  controlMessage
		}
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatal(err)
		}
		if f.L2TP.Type != "" {
			list[strconv.Itoa(f.Frame)] = &f.L2TP
		}
	}
	return list
}

type controlMessage struct {
	Tunnel, Session uint32
	Type            string
	Ns, Nr          uint16
	AVPs            map[string]any
}

// avp is the value of an AVP as text, "" if there is none.
func (m *controlMessage) avp(name string) string {
	switch v := m.AVPs[name].(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return fmt.Sprint(v)
	}
}

var messageNumbers = map[string]string{
	"1": "SCCRQ", "2": "SCCRP", "3": "SCCCN", "4": "StopCCN", "6": "HELLO", "7": "OCRQ", "8": "OCRP", "9": "OCCN", "10": "ICRQ",
	"11": "ICRP", "12": "ICCN", "14": "CDN", "15": "WEN", "16": "SLI", "20": "ACK", "99": "message 99", "": "ZLB",
}

// TestTsharkControlMessages compares every control message, field by field, with what tshark reads
// in the cleartext capture.
func TestTsharkControlMessages(t *testing.T) {
	program, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed")
	}
	var files []string
	for _, pattern := range []string{captures + "/*/outer.pcap", "../../testdata/ppp/*/outer.pcap", "../../../shared/captures/3[1-8]*/outer.pcap"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	fields := []string{"frame.number", "l2tp.version", "l2tp.tunnel", "l2tp.session", "l2tp.ccid", "l2tp.Ns", "l2tp.Nr", "l2tp.avp.message_type",
		"l2tp.avp.hidden", "l2tp.avp.protocol_version", "l2tp.avp.protocol_revision"}
	fixed := len(fields)
	for _, f := range avpFields {
		fields = append(fields, f.field)
	}
	for _, f := range flagFields {
		fields = append(fields, f.field0, f.field1)
	}
	messages, values := 0, 0
	for _, file := range race.Sampled(files) {
		clear, keys := file, filepath.Join(filepath.Dir(file), "keys")
		if fileExists(keys) {
			clear = filepath.Join(t.TempDir(), "clear.pcap")
			if status := run([]string{"decrypt", "-q", "-r", file, "-k", keys + "/esp_sa", "-k", keys + "/ikev1_decryption_table", "-w", clear}); status != exitOK && status != exitPartly {
				t.Errorf("%s: exit status %d", file, status)
				continue
			}
		}
		ours := ourControl(t, clear)
		args := []string{"-n", "-r", clear, "-Y", "l2tp.type == 1", "-T", "fields", "-E", "separator=\x1f", "-E", "occurrence=f"}
		for _, f := range fields {
			args = append(args, "-e", f)
		}
		c := exec.Command(program, args...)
		c.Env = append(os.Environ(), "WIRESHARK_CONFIG_DIR="+t.TempDir(), "HOME="+t.TempDir(), "LC_ALL=C.UTF-8")
		out, err := c.Output()
		if err != nil {
			t.Fatalf("tshark %s: %v", clear, err)
		}
		seen := 0
		for line := range strings.Lines(string(out)) {
			f := strings.Split(strings.TrimRight(line, "\n"), "\x1f")
			m := ours[f[0]]
			if seen++; m == nil {
				t.Errorf("%s frame %s: no control message", file, f[0])
				continue
			}
			head := []string{decimal(f[2]), decimal(f[3])}
			if f[1] == "3" {
				head = []string{decimal(f[4]), "0"}
			}
			head = append(head, f[5], f[6], messageNumbers[f[7]])
			got := []string{fmt.Sprint(m.Tunnel), fmt.Sprint(m.Session), fmt.Sprint(m.Ns), fmt.Sprint(m.Nr), m.Type}
			if !slices.Equal(got, head) {
				t.Errorf("%s frame %s: %v, tshark has %v", file, f[0], got, head)
			}
			values += m.compare(t, file+" frame "+f[0], f[fixed:])
			if f[9] != "" && m.avp("Protocol Version") != f[9]+"."+f[10] {
				t.Errorf("%s frame %s: Protocol Version %s", file, f[0], m.avp("Protocol Version"))
			}
		}
		if messages += seen; seen != len(ours) {
			t.Errorf("%s: %d control messages, tshark has %d", file, len(ours), seen)
		}
	}
	t.Logf("%d control messages, %d values", messages, values)
	if messages == 0 || !race.Enabled && (messages < 500 || values < 1000) {
		t.Errorf("only %d control messages with %d values", messages, values)
	}
}

// compare compares the AVPs with tshark's fields, and returns how many were there. What is hidden
// tshark does not know.
func (m *controlMessage) compare(t *testing.T, where string, fields []string) (n int) {
	t.Helper()
	for i, f := range avpFields {
		got := m.avp(f.name)
		if fields[i] == "" || strings.HasSuffix(got, " hidden") {
			continue
		}
		if text, err := strconv.Unquote(got); err == nil {
			got = text
		}
		like := f.like
		if like == nil {
			like = func(a, b string) bool { return a == b }
		}
		if n++; !like(got, f.value(fields[i])) {
			t.Errorf("%s: %s is %s, tshark has %s %s", where, f.name, got, f.field, fields[i])
		}
	}
	fields = fields[len(avpFields):]
	for i, f := range flagFields {
		a, b := fields[2*i], fields[2*i+1]
		got := m.avp(f.name)
		if a == "" || strings.HasSuffix(got, " hidden") {
			continue
		}
		var flags []string
		if a == "1" {
			flags = append(flags, f.flag0)
		}
		if b == "1" {
			flags = append(flags, f.flag1)
		}
		want := strings.Join(flags, "+")
		if want == "" {
			want = "none"
		}
		if n++; got != want {
			t.Errorf("%s: %s is %s, tshark has %s", where, f.name, got, want)
		}
	}
	return n
}
