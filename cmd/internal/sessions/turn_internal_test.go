package sessions

import (
	"context"
	"encoding/json"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/keysrc"
)

// TestTurn: a session that is turned has the other's figures at each end, and turned again it is as
// before.
func TestTurn(t *testing.T) {
	const dir = "../../../testdata/captures/06-pfs-rekey-dpd/"
	src, err := capture.Open([]string{dir + "outer.pcap"})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	p := pipeline.New(pipeline.Config{Source: src, Workers: 1})
	for _, name := range []string{"keys/esp_sa", "keys/ikev1_decryption_table"} {
		k, err := keysrc.ParseFile(dir+name, "")
		if err != nil {
			t.Fatal(err)
		}
		p.AddKeys(k)
	}
	g := NewGatherer(func(*Session) error { return nil })
	g.KeepDetails()
	p.AddSink(g)
	if _, err := p.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	s := g.held.Front().Value.(*Session)
	method := s.link().auth.method
	printed := func() (*Facts, string) {
		g.prepare(s)
		s.finding = judge(s)
		f := s.Facts()
		b, err := json.Marshal([]any{f, s.Events(), s.series.object(true)})
		if err != nil {
			t.Fatal(err)
		}
		return f, string(b)
	}
	before, text := printed()
	g.turn(s.assoc)
	once, other := printed()
	if once.OrigHost != before.RespHost || once.OrigPackets != before.RespPackets || once.RespBytes != before.OrigBytes {
		t.Errorf("turned, %s sent %d packets and %s received %d bytes", once.OrigHost, once.OrigPackets, once.RespHost, once.RespBytes)
	}
	if other == text {
		t.Error("turned, the session is as before")
	}
	g.turn(s.assoc)
	s.link().auth.method = method // as it was turned once the demand was the other's
	if _, twice := printed(); twice != text {
		t.Errorf("turned twice\n%s\nand not\n%s", twice, text)
	}
	for k, c := range g.calls {
		if c.ids[1-k.sender] != k.session {
			t.Errorf("a call is found by %d of side %d", k.session, k.sender)
		}
	}
}
