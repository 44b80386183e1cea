package ikev1

import (
	"path/filepath"
	"slices"
	"testing"
)

// A capture that starts anywhere: who is the initiator, and which message of its exchange one is,
// is right or not said; and it is said as soon as a later message tells.
func TestRolesStartAnywhere(t *testing.T) {
	eachCapture(t, rolesStartAnywhere)
	for _, name := range []string{"15-libreswan-server", "26-heavy-loss-ike-retransmits", "26b-ike-every-message-retransmitted"} {
		dir := filepath.Join(capturesDir, name)
		t.Run(name, func(t *testing.T) {
			rolesStartAnywhere(t, tableSecrets(t, filepath.Join(dir, "keys/ikev1_decryption_table")), readDatagrams(t, filepath.Join(dir, "outer.pcap")))
		})
	}
}

// Where a responder's message is the first that was captured, later ones tell: the messages that
// encrypt, with or without a key for them, and the IVs.
func TestRolesTold(t *testing.T) {
	for _, c := range []struct {
		name    string
		start   int // of the messages of the capture
		keys    bool
		numbers []int // of the first ones, 0 where they can't be told
	}{
		{"01-basic-aes128-sha1", 2, false, []int{3, 4, 5, 6, 1, 2, 3}},
		{"01-basic-aes128-sha1", 3, false, []int{4, 5, 6, 1, 2, 3}},
		{"01-basic-aes128-sha1", 3, true, []int{4, 5, 6, 1, 2, 3}},
		{"01-basic-aes128-sha1", 5, true, []int{6, 1, 2, 3}},
		{"01-basic-aes128-sha1", 5, false, []int{0, 1, 2, 3}},
		{"01-basic-aes128-sha1", 6, true, []int{1, 2, 3}},
		{"01-basic-aes128-sha1", 6, false, []int{1, 2, 3}},
		{"01-basic-aes128-sha1", 7, true, []int{2, 3}},
		{"01-basic-aes128-sha1", 7, false, []int{0, 0}},
		{"07-aggressive-psk", 2, false, []int{3, 1, 2, 3}},
		{"26b-ike-every-message-retransmitted", 8, false, []int{4, 3, 3, 4, 5, 5}},
		{"26b-ike-every-message-retransmitted", 8, true, []int{4, 3, 3, 4, 5, 5}},
	} {
		dir := filepath.Join(capturesDir, c.name)
		var secrets []*Secret
		if c.keys {
			secrets = tableSecrets(t, filepath.Join(dir, "keys/ikev1_decryption_table"))
		}
		tr, messages := follow(secrets, readDatagrams(t, filepath.Join(dir, "outer.pcap"))[c.start:])
		for i, want := range c.numbers {
			first := messages[i].Number
			tr.Renumber(messages[i])
			if got := messages[i].Number; got != want || first != 0 && first != want {
				t.Errorf("%s from %d, keys %v: message %d is number %d, at first %d, want %d", c.name, c.start, c.keys, i, got, first, want)
			}
		}
		if sa := tr.SAs()[0]; sa.Initiator.Addr().String() != "203.0.113.10" && c.numbers[0] != 0 {
			t.Errorf("%s from %d: the initiator is %v", c.name, c.start, sa.Initiator)
		}
	}
}

func TestRolesStartAnywherePeers(t *testing.T) { eachPeer(t, rolesStartAnywhere) }

func rolesStartAnywhere(t *testing.T, secrets []*Secret, list []*Datagram) {
	type place struct {
		number int
		from   bool
	}
	truth := make(map[*Datagram][]place)
	tr := NewTracker()
	for _, s := range secrets {
		tr.AddSecret(s)
	}
	var whole [][]*Message
	for _, d := range list {
		whole = append(whole, tr.Observe(d))
	}
	for i, d := range list {
		for _, m := range whole[i] {
			tr.Renumber(m)
			truth[d] = append(truth[d], place{m.Number, m.FromInitiator})
		}
	}
	initiators := make(map[saKey]string)
	for _, sa := range tr.SAs() {
		initiators[saKey{sa.InitiatorCookie, sa.ResponderCookie}] = sa.Initiator.Addr().String()
	}
	type disturbed struct {
		start, drop int
		known       []*Secret
	}
	var all []disturbed
	for start := range list {
		for _, known := range [][]*Secret{secrets, nil} {
			all = append(all, disturbed{start, len(list), known})
			for drop := start + 1; drop < min(start+5, len(list)) && start < 8; drop++ {
				all = append(all, disturbed{start, drop, known})
			}
		}
	}
	for _, x := range all {
		start, known := x.start, x.known
		list := slices.Clone(list[start:])
		total := len(list)
		if x.drop -= start; x.drop < len(list) {
			list = slices.Delete(list, x.drop, x.drop+1)
		}
		tr := NewTracker()
		for _, s := range known {
			tr.AddSecret(s)
		}
		var seen [][]*Message
		check := func(at int, when string) {
			for j, m := range seen[at] {
				want := truth[list[at]][j]
				if x.drop < total && !m.Header.Phase1() {
					continue // that the first message of its exchange is lost does not show without a key
				}
				if m.Number != 0 && (m.Number != want.number || m.FromInitiator != want.from) {
					t.Errorf("from %d, without %d, %d keys, message %d %s: %s %d, from the initiator %v; it is %d", start, x.drop, len(known), at, when,
						m.Header.ExchangeName(), m.Number, m.FromInitiator, want.number)
				}
			}
		}
		for i, d := range list {
			seen = append(seen, tr.Observe(d))
			check(i, "at first")
		}
		for i := range seen {
			for _, m := range seen[i] {
				tr.Renumber(m)
			}
			check(i, "in the end")
		}
		for _, sa := range tr.SAs() {
			if want := initiators[saKey{sa.InitiatorCookie, sa.ResponderCookie}]; sa.roles > rolesGuessed && want != "" && sa.Initiator.Addr().String() != want {
				t.Errorf("from %d, %d keys: the initiator is %v, not %s", start, len(known), sa.Initiator, want)
			}
		}
	}
}
