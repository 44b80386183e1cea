package esp

import "testing"

// TestAuthKeyComesLater: a flow that was opened without its authentication key is verified as soon as that is known, and keeps its account.
func TestAuthKeyComesLater(t *testing.T) {
	e := cbcSealer()
	db := newDB([]*Secret{head(e.secret())})
	admit := func() (*SA, *Flow) {
		p := e.next(l2tpPacket(50), protoUDP)
		f := db.Lookup(p.spi, p.src, p.dst)
		sa, _, err := f.Admit(p.data, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		f.count(Decrypted, p.data, 0)
		return sa, f
	}
	for range 3 {
		if sa, _ := admit(); sa.Checks() {
			t.Fatal("an ICV is checked without its key")
		}
	}
	db.AddNegotiated(&Negotiated{SPI: e.spi, Suite: e.suite, Key: NewKey(e.key), AuthKey: NewKey(e.authKey)})
	sa, f := admit()
	if !sa.Checks() || f.State().Verdict != Verified {
		t.Errorf("%s: %s", f.State().Verdict, f.State().Remark)
	}
	if r := f.Report(); r.Packets != 4 || r.LastSeq-r.FirstSeq != 3 || r.Restarts != 0 || r.Missing != 0 {
		t.Errorf("%+v", r)
	}
	if db.AddSecret(head(e.secret())); f.State().Verdict != Verified {
		t.Error("what is known got less")
	}
}
