package ikev1

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"path/filepath"
	"slices"
	"testing"
)

// truths maps the digest of each encrypted message to the message as it is decrypted from the whole
// capture.
func truths(t *testing.T, secrets []*Secret, list []*Datagram) map[uint64]*Message {
	t.Helper()
	_, messages := follow(secrets, list)
	truth := map[uint64]*Message{}
	for _, m := range messages {
		if !m.Encrypted || m.Retransmission {
			continue
		}
		if !m.Decrypted || m.Reconstructed {
			t.Fatalf("message %s %d of the whole capture: %v", m.Header.ExchangeName(), m.Number, m.Err)
		}
		truth[digestOf(m)] = m
	}
	return truth
}

// digestOf is the digest of an encrypted message.
func digestOf(m *Message) uint64 {
	if m.at.raw != nil {
		return maphash.Bytes(seed, m.at.raw)
	}
	return m.at.rec.digest
}

// compare checks a message against the truth: nothing may be wrong that is said to be right.
func compare(t *testing.T, truth map[uint64]*Message, m *Message) {
	t.Helper()
	if !m.Encrypted {
		return
	}
	want := truth[digestOf(m)]
	name := fmt.Sprintf("%s %08x %d", m.Header.ExchangeName(), m.Header.MessageID, want.Number)
	if !m.Decrypted {
		if m.Verified {
			t.Errorf("%s: verified, not decrypted", name)
		}
		if errors.Is(m.Err, ErrMalformed) {
			t.Errorf("%s: %v", name, m.Err)
		}
		return
	}
	switch {
	case !m.Reconstructed:
		if !bytes.Equal(m.Plain, want.Plain) {
			t.Errorf("%s: wrong plaintext, verified %v", name, m.Verified)
		}
		// Whose an Informational is does not show where nothing else of its SA was captured.
		unknown := m.Number == 0 && m.Header.Exchange == ExchangeInformational
		if !unknown && (m.Number != want.Number || m.FromInitiator != want.FromInitiator) {
			t.Errorf("%s: number %d, from initiator %v; want %v", name, m.Number, m.FromInitiator, want.FromInitiator)
		}
	default:
		n := m.SA.keys[0].alg.blockLen
		if len(m.Plain) != len(want.Plain) || !bytes.Equal(m.Plain[HeaderLen+n:], want.Plain[HeaderLen+n:]) {
			t.Errorf("%s: wrong plaintext behind the first block: %d bytes, want %d", name, len(m.Plain), len(want.Plain))
			return
		}
		var got, all []PayloadType
		for i := range m.Payloads {
			got = append(got, m.Payloads[i].Type)
		}
		for i := range want.Payloads {
			all = append(all, want.Payloads[i].Type)
		}
		if !slices.Equal(got, all) {
			t.Errorf("%s: payloads %v, want %v", name, got, all)
		}
		if m.Verified && !bytes.Equal(m.Plain, want.Plain) {
			t.Errorf("%s: verified, and wrong", name)
		}
	}
}

// settle runs the datagrams through a Tracker and compares all, then tries again what can gain from
// later messages and compares once more.
func settle(t *testing.T, secrets []*Secret, truth map[uint64]*Message, list []*Datagram) (*Tracker, []*Message) {
	t.Helper()
	tr, messages := follow(secrets, list)
	for _, m := range messages {
		compare(t, truth, m)
	}
	for _, m := range messages {
		if m.Open() {
			tr.Decrypt(m)
			compare(t, truth, m)
		}
	}
	return tr, messages
}

var lossy = []string{"01-basic-aes128-sha1", "02-natt-aes256-sha1", "03-3des-sha1-modp1024", "04-aes128-md5-modp1024",
	"05-aes256-sha256-ecp384", "06-pfs-rekey-dpd", "07-aggressive-psk", "08-rsa-ipfrag"}

// eachCapture calls f for some captures with three kinds of secrets.
func eachCapture(t *testing.T, f func(t *testing.T, secrets []*Secret, list []*Datagram)) {
	for _, name := range lossy {
		dir := filepath.Join(capturesDir, name)
		list := readDatagrams(t, filepath.Join(dir, "outer.pcap"))
		for _, log := range []string{"router.log", "router-full.log"} {
			t.Run(name+"/"+log, func(t *testing.T) { f(t, routerSecrets(t, filepath.Join(dir, log)), list) })
		}
		t.Run(name+"/table", func(t *testing.T) { f(t, tableSecrets(t, filepath.Join(dir, "keys/ikev1_decryption_table")), list) })
	}
}

// eachPeer calls f for the peers' captures.
func eachPeer(t *testing.T, f func(t *testing.T, secrets []*Secret, list []*Datagram)) {
	secrets := tableSecrets(t, peerFile(t, "derived-ikev1/ikev1_decryption_table"))
	secrets = append(secrets, tableSecrets(t, peerFile(t, "rub-nds/aggressive-psk-aes128-sha1-g2.ikev1_decryption_table"))...)
	secrets = append(secrets, tableSecrets(t, peerFile(t, "rub-nds/main-psk-two-messages-one-datagram.ikev1_decryption_table"))...)
	for _, name := range []string{"wireshark/ikev1-certs.pcap", "wireshark/ikev1-bug-12610.pcapng.gz", "wireshark/ikev1-bug-12620.pcapng.gz",
		"rub-nds/main-psk-aes128-sha1-g2.pcap", "rub-nds/aggressive-psk-aes128-sha1-g2.pcap", "rub-nds/main-psk-two-messages-one-datagram.pcap"} {
		t.Run(name, func(t *testing.T) { f(t, secrets, readDatagrams(t, filepath.Join(peerDir, name))) })
	}
}

// count returns how many encrypted messages there are, how many of them were decrypted, and how
// many of these reconstructed.
func count(messages []*Message) (encrypted, decrypted, reconstructed int) {
	for _, m := range messages {
		if m.Encrypted {
			encrypted++
		}
		if m.Decrypted {
			decrypted++
		}
		if m.Reconstructed {
			reconstructed++
		}
	}
	return
}

func TestDuplicateAny(t *testing.T)      { eachCapture(t, duplicateAny) }
func TestDuplicateAnyPeers(t *testing.T) { eachPeer(t, duplicateAny) }

func duplicateAny(t *testing.T, secrets []*Secret, list []*Datagram) {
	truth := truths(t, secrets, list)
	for i := range list {
		for _, at := range []int{i + 1, i + 2, i + 3, len(list)} {
			if at > len(list) {
				continue
			}
			_, messages := settle(t, secrets, truth, slices.Insert(slices.Clone(list), at, list[i]))
			if e, d, r := count(messages); e != d || r > 0 {
				t.Errorf("%d again at %d: %d of %d decrypted, %d reconstructed", i, at, d, e, r)
			}
		}
	}
}

func TestSwapNeighbours(t *testing.T)      { eachCapture(t, swapNeighbours) }
func TestSwapNeighboursPeers(t *testing.T) { eachPeer(t, swapNeighbours) }

func swapNeighbours(t *testing.T, secrets []*Secret, list []*Datagram) {
	truth := truths(t, secrets, list)
	for i := range len(list) - 1 {
		swapped := slices.Clone(list)
		swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
		_, messages := settle(t, secrets, truth, swapped)
		if e, d, r := count(messages); e != d || r > 0 {
			t.Errorf("%d and %d swapped: %d of %d decrypted, %d reconstructed", i, i+1, d, e, r)
			for _, m := range messages {
				if m.Encrypted && (!m.Decrypted || m.Reconstructed) {
					t.Errorf("  %s %d: %v", m.Header.ExchangeName(), m.Number, m.Err)
				}
			}
		}
	}
}

func TestDropAny(t *testing.T)      { eachCapture(t, dropAny) }
func TestDropAnyPeers(t *testing.T) { eachPeer(t, dropAny) }

func dropAny(t *testing.T, secrets []*Secret, list []*Datagram) {
	truth := truths(t, secrets, list)
	for i := range list {
		_, messages := settle(t, secrets, truth, slices.Delete(slices.Clone(list), i, i+1))
		e, d, r := count(messages)
		if e != d {
			t.Errorf("%d dropped: %d of %d decrypted", i, d, e)
			for _, m := range messages {
				if m.Encrypted && !m.Decrypted {
					t.Errorf("  %s %d: %v", m.Header.ExchangeName(), m.Number, m.Err)
				}
			}
		}
		t.Logf("%d dropped: %d reconstructed", i, r)
	}
}

func TestStartAnywhere(t *testing.T)      { eachCapture(t, startAnywhere) }
func TestStartAnywherePeers(t *testing.T) { eachPeer(t, startAnywhere) }

func startAnywhere(t *testing.T, secrets []*Secret, list []*Datagram) {
	truth := truths(t, secrets, list)
	for i := range list {
		_, messages := settle(t, secrets, truth, list[i:])
		e, d, r := count(messages)
		t.Logf("from %d: %d of %d, %d reconstructed", i, d, e, r)
		if e != d {
			t.Errorf("from %d: %d of %d decrypted", i, d, e)
			for _, m := range messages {
				if m.Encrypted && !m.Decrypted {
					t.Errorf("  %s %d: %v", m.Header.ExchangeName(), m.Number, m.Err)
				}
			}
		}
	}
}
