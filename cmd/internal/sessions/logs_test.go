package sessions_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// told is what is printed of a session that the daemons' logs say too.
type told struct {
	Time     float64 `json:"ts"`
	State    string  `json:"state"`
	Attempts int     `json:"attempts"`
	User     string  `json:"user"`
	OrigHost string  `json:"id.orig_h"`
	RespHost string  `json:"id.resp_h"`

	IKE struct {
		Cipher  string  `json:"cipher"`
		Hash    string  `json:"hash"`
		Group   string  `json:"group"`
		SAs     int     `json:"sas"`
		Seconds float64 `json:"seconds"`
	} `json:"ike"`
	ESP []struct {
		SPI    string `json:"spi"`
		Dst    string `json:"dst"`
		Cipher string `json:"cipher"`
		Auth   string `json:"auth"`
	} `json:"esp"`
	PPP struct {
		Assigned    string `json:"assigned"`
		Peer        string `json:"peer"`
		Compression string `json:"compression"`
	} `json:"ppp"`
	OrigBytes uint64 `json:"orig_bytes"`
	RespBytes uint64 `json:"resp_bytes"`
}

// Names of algorithms of strongSwan, and of Linux, as this program has them.
var (
	charonNames = strings.NewReplacer("AES_CBC_", "aes-cbc-", "3DES_CBC", "3des-cbc", "HMAC_MD5_96", "md5",
		"HMAC_SHA1_96", "sha1",
		"HMAC_SHA2_256_128", "sha256", "HMAC_SHA2_384_192", "sha384", "HMAC_SHA2_512_256", "sha512", "MODP_",
		"modp", "ECP_", "ecp")
	linuxNames = map[string]string{"cbc(aes)": "aes-cbc-", "cbc(des3_ede)": "3des-cbc", "hmac(sha1)": "hmac-sha1-",
		"hmac(md5)":    "hmac-md5-",
		"hmac(sha256)": "hmac-sha2-256-", "hmac(sha384)": "hmac-sha2-384-", "hmac(sha512)": "hmac-sha2-512-"}
)

var (
	establishedLine = regexp.MustCompile(`(?m)^(\S+) \S+ IKE_SA \S+ established between ([0-9a-f.:]+)\[.*\.\.\.([0-9a-f.:]+)\[`)
	proposalLine    = regexp.MustCompile(`(?m)selected proposal: IKE:([^/\s]+)/([^/\s]+)/[^/\s]+/([^/\s]+)$`)
	childLine       = regexp.MustCompile(`(?m)CHILD_SA \S+ established with SPIs ([0-9a-f]+)_i ([0-9a-f]+)_o`)
	remoteLine      = regexp.MustCompile(`(?m)^remote IP address (\S+)$`)
	nameLine        = regexp.MustCompile(`(?m)^rcvd \[(?:CHAP Response|PAP AuthReq|EAP Response).*(?:name = |user=|Name )"([^"]+)"`)
	volumeLine      = regexp.MustCompile(`(?m)^Sent ([0-9]+) bytes, received ([0-9]+) bytes\.$`)
)

// TestLogs: users, addresses, algorithms, SPIs, times and volumes are those of the daemons' logs
// and of the kernel's SAs.
func TestLogs(t *testing.T) {
	checked := make(map[string]int)
	var seen []string
	for _, root := range []string{"../../../testdata/captures", "../../../../shared/captures"} {
		dirs, _ := filepath.Glob(filepath.Join(root, "*"))
		for _, dir := range dirs {
			name := filepath.Base(dir)
			if slices.Contains(seen, name) && root == "../../../testdata/captures" {
				continue
			}
			seen = append(seen, name)
			if _, err := os.Stat(filepath.Join(dir, "outer.pcap")); err != nil {
				continue
			}
			list := sessionsIn(t, dir)
			charonAgrees(t, dir, list, checked)
			kernelAgrees(t, dir, list, checked)
			pppdAgrees(t, dir, list, checked)
		}
	}
	t.Logf("compared: %v", checked)
	for _, what := range []string{"proposals", "times", "children"} {
		if checked[what] < 20 {
			t.Errorf("%d %s were compared", checked[what], what)
		}
	}
}

// sessionsIn returns the sessions of a recording.
func sessionsIn(t *testing.T, dir string) (list []told) {
	t.Helper()
	for _, b := range printedOf(t, filepath.Join(dir, "outer.pcap"), keySets(dir)["tables"]...) {
		var s told
		if err := json.Unmarshal(b, &s); err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	return list
}

func readLog(name string) string {
	b, err := os.ReadFile(name)
	if err != nil {
		return ""
	}
	return strings.ReplaceAll(string(b), "\r", "")
}

// charonAgrees compares with the log of the server's charon.
func charonAgrees(t *testing.T, dir string, list []told, checked map[string]int) {
	log := readLog(filepath.Join(dir, "charon-server.log"))
	var up []told
	spis := make(map[string]bool)
	for _, s := range list {
		if len(s.ESP) > 0 {
			up = append(up, s)
		}
		for _, e := range s.ESP {
			spis[e.SPI] = true
		}
	}
	children := childLine.FindAllStringSubmatch(log, -1)
	for _, m := range children {
		if checked["children"]++; !spis["0x"+m[1]] && !spis["0x"+m[2]] && len(up) > 0 {
			t.Errorf("%s: of the SPIs %s and %s there is none in %v", dir, m[1], m[2], spis)
		}
	}
	established := establishedLine.FindAllStringSubmatch(log, -1)
	proposals := proposalLine.FindAllStringSubmatch(log, -1)
	if len(up) != 1 || len(established) == 0 || up[0].Attempts > 1 {
		return
	}
	s := up[0]
	if m := proposals[0]; charonNames.Replace(m[1]+" "+m[2]+" "+m[3]) != s.IKE.Cipher+" "+s.IKE.Hash+" "+s.IKE.Group {
		t.Errorf("%s: %s %s %s, charon says %v", dir, s.IKE.Cipher, s.IKE.Hash, s.IKE.Group, m[1:])
	}
	checked["proposals"]++
	if s.IKE.SAs != len(established) {
		t.Errorf("%s: %d ISAKMP SAs, charon has %d", dir, s.IKE.SAs, len(established))
	}
	m := established[0]
	at, err := time.Parse("2006-01-02T15:04:05.000", m[1])
	if err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	if d := s.Time + s.IKE.Seconds - float64(at.UnixMilli())/1e3; math.Abs(d) > 1 || s.RespHost != m[2] ||
		s.OrigHost != m[3] {
		t.Errorf("%s: established %.3f s from when charon says it, %s > %s, charon has %v", dir, d, s.OrigHost,
			s.RespHost, m[2:])
	}
	checked["times"]++
}

// kernelAgrees compares with the SAs of the kernel.
func kernelAgrees(t *testing.T, dir string, list []told, checked map[string]int) {
	var sas []struct {
		SPI, Dst, Enc, EncKey string
		Auth                  []any
	}
	if json.Unmarshal([]byte(readLog(filepath.Join(dir, "keys", "sa.json"))), &sas) != nil {
		return
	}
	for _, s := range list {
		if strings.HasPrefix(filepath.Base(dir), "44a") {
			continue // the ends have different ones
		}
		for _, e := range s.ESP {
			for _, sa := range sas {
				cipher, ok := linuxNames[sa.Enc]
				if sa.SPI != e.SPI || !ok || len(sa.Auth) != 2 {
					continue
				}
				auth, _ := sa.Auth[0].(string)
				length, _ := sa.Auth[1].(float64)
				if strings.HasSuffix(cipher, "-") {
					cipher += strconv.Itoa((len(sa.EncKey) - 2) * 4)
				}
				if auth = linuxNames[auth] + strconv.Itoa(int(length)); e.Cipher != cipher || e.Auth != auth {
					t.Errorf("%s: %s has %s %s, the kernel %s %s", dir, e.SPI, e.Cipher, e.Auth, cipher, auth)
				}
				checked["SAs"]++
			}
		}
	}
}

// pppdAgrees compares with the log of the server's pppd.
func pppdAgrees(t *testing.T, dir string, list []told, checked map[string]int) {
	log := readLog(filepath.Join(dir, "ppp-server.log"))
	var want, got, users []string
	for _, m := range remoteLine.FindAllStringSubmatch(log, -1) {
		want = append(want, m[1])
	}
	for _, s := range list {
		if s.PPP.Assigned != "" && s.User != "" {
			got = append(got, s.PPP.Assigned)
		}
		if s.User != "" && !slices.Contains(users, s.User) {
			users = append(users, s.User)
		}
	}
	if len(want) == 0 ||
		strings.HasPrefix(filepath.Base(dir), "26-") { // there the answers to one of the two calls were lost
		return
	}
	slices.Sort(want)
	slices.Sort(got)
	if checked["addresses"]++; !slices.Equal(want, got) {
		t.Errorf("%s: the addresses %v, pppd has %v", dir, got, want)
	}
	for _, m := range nameLine.FindAllStringSubmatch(log, -1) {
		if checked["users"]++; !slices.Contains(users, m[1]) {
			t.Errorf("%s: the users %v, pppd has %s", dir, users, m[1])
		}
	}
	volumes := volumeLine.FindAllStringSubmatch(log, -1)
	if len(volumes) == 0 || len(list) != 1 || list[0].PPP.Compression != "" {
		return
	}
	m := volumes[len(volumes)-1]
	const before = 6 * 48 // router solicitations of before the interface counts
	for i, n := range []uint64{list[0].RespBytes, list[0].OrigBytes} {
		counted, _ := strconv.ParseUint(m[1+i], 10, 64)
		if d := int64(n - counted); d < 0 || d > before {
			t.Errorf("%s: %d bytes, pppd counts %d", dir, n, counted)
		}
	}
	checked["volumes"]++
}

// TestSetup: users' packets can pass as soon as IPCP is open, and the ends say so: both requests
// are acknowledged, and none was sent again since. The frames are those behind which pppd
// logs the addresses.
func TestSetup(t *testing.T) {
	checked := 0
	for _, c := range []struct {
		name, file string
		frame      int // that has the last Conf-Ack of IPCP
	}{
		{"16-netem-loss-reorder-dup", "outer.pcap", 50},
		{"26-heavy-loss-ike-retransmits", "outer.pcap", 91},
		{"31a-multilink-two-links", "outer.pcap", 47},
		{"32a-mppe128-stateful-netem", "outer.pcap", 62},
		{"70a-healthy-slow-2.5s", "outer.pcap", 82},
	} {
		for _, root := range []string{"../../../testdata/captures", "../../../../shared/captures"} {
			dir := filepath.Join(root, c.name)
			file := filepath.Join(dir, c.file)
			if _, err := os.Stat(file); err != nil {
				continue
			}
			checked++
			var s struct {
				Time  float64 `json:"ts"`
				Setup float64 `json:"setup"`
			}
			if err := json.Unmarshal(printedOf(t, file, keySets(dir)["tables"]...)[0], &s); err != nil {
				t.Fatal(err)
			}
			if want := float64(readAll(t, file).packets[c.frame-1].Time) / 1e9; math.Abs(s.Time+s.Setup-want) > 1e-3 {
				t.Errorf("%s is up after %.3f s, and IPCP at frame %d after %.3f s", c.name, s.Setup, c.frame, want-s.Time)
			}
		}
	}
	if checked == 0 {
		t.Error("no recording is there")
	}
}
