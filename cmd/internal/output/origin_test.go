package output_test

import (
	"encoding/binary"
	"testing"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/output"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/why"
)

// withComments is a packet with such comments.
func withComments(list ...string) *capture.Packet {
	p := new(capture.Packet)
	for _, c := range list {
		p.Options = binary.LittleEndian.AppendUint16(p.Options, 1)
		p.Options = binary.LittleEndian.AppendUint16(p.Options, uint16(len(c)))
		p.Options = append(p.Options, c...)
		for len(p.Options)%4 != 0 {
			p.Options = append(p.Options, 0)
		}
	}
	return p
}

func TestOriginOf(t *testing.T) {
	for _, x := range []struct {
		comments []string
		want     output.Origin
	}{
		{[]string{"ESP 0xc2c4be60 seq 7 aes-cbc-128 hmac-sha1-96, verified"}, output.Origin{Kind: pipeline.ESP, Verdict: why.Verified, SPI: 0xc2c4be60, Seq: 7}},
		{[]string{"look here", "ESP 0x00000102 seq 4294967295 null hmac-md5-96, ESP 0x00000103 inside, decrypted, reassembled from 2 fragments"},
			output.Origin{Kind: pipeline.ESP, Verdict: why.Decrypted, SPI: 0x102, Seq: 1<<32 - 1}},
		{[]string{"IKE quick aes-cbc-256, first block reconstructed, verified, carried in GRE"}, output.Origin{Kind: pipeline.IKE, Verdict: why.Verified}},
		{[]string{"ESP 0x00000000 seq 7 null null, verified"}, output.Origin{}},
		{[]string{"ESP 0x00000102 seq 7 aes-cbc-128 hmac-sha1-96, wrong key"}, output.Origin{}},
		{[]string{"verified", "carried in GRE"}, output.Origin{}},
		{nil, output.Origin{}},
	} {
		if o, ok := output.OriginOf(withComments(x.comments...)); o != x.want || ok != (x.want != output.Origin{}) {
			t.Errorf("%q: %+v %t", x.comments, o, ok)
		}
	}
}

func FuzzOriginOf(f *testing.F) {
	f.Add(withComments("ESP 0xc2c4be60 seq 7 aes-cbc-128 hmac-sha1-96, verified").Options)
	f.Add(withComments("IKE main, decrypted", "x").Options)
	f.Fuzz(func(t *testing.T, options []byte) {
		o, ok := output.OriginOf(&capture.Packet{Options: options})
		if ok && (!o.Verdict.Opened() || (o.Kind == pipeline.ESP) != (o.SPI > 0)) || !ok && o != (output.Origin{}) {
			t.Errorf("%q: %+v %t", options, o, ok)
		}
	})
}
