package keysrc

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"mime/quotedprintable"
	"os"
	"slices"
	"strings"
	"testing"

	"l2tpdump/esp"
)

const mailTop = "Return-Path: <a@example.com>\r\nReceived: from mx.example.com\r\n\tby gw.example.com; Mon, 23 Nov 2026 07:15:18 +0900\r\n" +
	"Subject: log\r\nMIME-Version: 1.0\r\n"

// mails are a mail with a log, in each encoding and with a compressed file.
func mails(log string) map[string]string {
	var printable, packed bytes.Buffer
	q := quotedprintable.NewWriter(&printable)
	q.Write([]byte(log))
	q.Close()
	z := gzip.NewWriter(&packed)
	z.Write([]byte(log))
	z.Close()
	base64Of := func(data []byte) (text string) {
		for lines := range slices.Chunk([]byte(base64.StdEncoding.EncodeToString(data)), 76) {
			text += string(lines) + "\r\n"
		}
		return text
	}
	const qp, b64 = "Content-Transfer-Encoding: quoted-printable\r\n\r\n", "Content-Transfer-Encoding: base64\r\n\r\n"
	return map[string]string{
		"quoted-printable": mailTop + "Content-Type: text/plain; charset=utf-8\r\n" + qp + printable.String(),
		"base64":           "From a@example.com Mon Nov 23\n" + mailTop + b64 + base64Of([]byte(log)),
		"plain":            mailTop + "\r\n" + strings.ReplaceAll(log, "\n", "\r\n"),
		"parts": mailTop + "Content-Type: multipart/mixed; boundary=one\r\n\r\n--one\r\nContent-Type: multipart/alternative; boundary=two\r\n\r\n" +
			"--two\r\n\r\nsee there\r\n--two\r\nContent-Type: text/html\r\n\r\n<b>see there</b>\r\n--two--\r\n" +
			"--one\r\n" + b64 + base64Of(packed.Bytes()) + "--one--\r\n",
		"forwarded": mailTop + "Content-Type: multipart/mixed; boundary=one\r\n\r\n--one\r\n\r\nsee there\r\n--one\r\n" +
			"Content-Type: message/rfc822\r\n\r\n" + mailTop + b64 + base64Of([]byte(log)) + "--one--\r\n",
	}
}

// TestMail reads logs out of mails that were saved.
func TestMail(t *testing.T) {
	log, err := os.ReadFile("../testdata/captures/01-basic-aes128-sha1/charon-server.log")
	if err != nil {
		t.Fatal(err)
	}
	want, err := Parse(bytes.NewReader(log), "x", "")
	if err != nil {
		t.Fatal(err)
	}
	for what, mail := range mails(string(log)) {
		k, err := Parse(strings.NewReader(mail), "x", "")
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		got, damaged := foundIn(k)
		if keys, _ := foundIn(want); !slices.Equal(got, keys) || damaged > 0 {
			t.Errorf("%s: %v, %v", what, got, k.Notes)
		}
		if o := k.IKE[0].Origin; !strings.HasPrefix(o.File(), "x:part ") || what != "parts" && o.Line != want.IKE[0].Origin.Line {
			t.Errorf("%s: %v", what, o)
		}
		// What is cut short says so, or has all.
		k, err = Parse(strings.NewReader(mail[:len(mail)*2/3]), "x", "")
		if got, _ := foundIn(k); err == nil && len(k.Notes) == 0 && len(got) == 0 {
			t.Errorf("%s, cut short: %v", what, k)
		}
	}
	box := ""
	for _, kind := range []string{"forwarded", "base64", "parts"} {
		box += "From a@example.com Mon Nov 23\n" + strings.TrimPrefix(mails("hello\n")[kind], "From a@example.com Mon Nov 23\n") + "\r\n"
	}
	box += mails(string(log))["base64"]
	k, err := Parse(strings.NewReader(box), "x", "")
	got, damaged := foundIn(k)
	if keys, _ := foundIn(want); err != nil || !slices.Equal(got, keys) || damaged > 0 || k.IKE[0].Origin.File() != "x:part 6" {
		t.Errorf("mailbox: %v, %v, %v", got, k.Notes, err)
	}
	whole := mails(string(log))["forwarded"]
	k, err = Parse(strings.NewReader(strings.TrimSuffix(whole, "--one--\r\n")), "x", "")
	got, _ = foundIn(k)
	if keys, _ := foundIn(want); err != nil || !slices.Equal(got, keys) || len(k.Notes) == 0 {
		t.Errorf("without its end: %v, %v, %v", got, k.Notes, err)
	}
	const multi = mailTop + "Content-Type: multipart/mixed; boundary=one\r\n\r\n"
	for what, c := range map[string]struct{ first, says string }{
		"damaged":   {"--one\r\n\r\nhello\r\n", "cut short"},
		"many":      {strings.Repeat("--one\r\n\r\nhello\r\n", maxMailParts+1) + "--one--\r\n", "more than 100 parts"},
		"many, key": {"--one\r\n\r\n" + string(log) + "\r\n" + strings.Repeat("--one\r\n\r\nhello\r\n", maxMailParts) + "--one--\r\n", "more than 100 parts"},
	} {
		k, err := Parse(strings.NewReader(multi+c.first), "x", "")
		said := len(k.Notes)
		if err != nil {
			said++
		} else {
			err = errors.New(k.Notes[0].String())
		}
		if said != 1 || !strings.Contains(err.Error(), c.says) || (len(k.IKE) > 0) != (what == "many, key") {
			t.Errorf("%s: %v, %v", what, k.Notes, err)
		}
	}
	if _, err := Parse(strings.NewReader(mailTop+"\r\nhello\r\n"), "x", ""); !errors.As(err, new(*NoKeysError)) {
		t.Error(err)
	}
}

func FuzzMail(f *testing.F) {
	for _, mail := range mails("[IKE] CKY-I\n[IKE]   01 02 03 04 05 06 07 08\n") {
		f.Add([]byte(mail))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, ok := asMail(bytes.NewReader(data)); ok {
			k, _ := Parse(bytes.NewReader(data), "x", "")
			eachKey(k, func(name string, k esp.Key) {
				if k.Len() > 2*maxKeyLen {
					t.Fatalf("%s of %d bytes", name, k.Len())
				}
			})
		}
	})
}
