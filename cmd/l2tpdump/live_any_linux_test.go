package main

import (
	"regexp"
	"strings"
	"testing"
)

// TestLiveAny: captured on any, each line says through which interface a packet went and which way
// (these are for other hosts); -Q takes one way, and the filter of the users' packets what is
// inside.
func TestLiveAny(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	all, log, _ := captureOf(t, "01-basic-aes128-sha1")
	any := l.start("live", "-i", "any", "-k", log, "-t")
	out := l.start("live", "-i", "any", "-k", log, "-t", "-Q", "out")
	inner := l.start("live", "-i", "any", "-k", log, "-t", "--inner", "tcp port 80", "-l")
	for _, p := range []*program{any, out, inner} {
		p.waitFor("listening on any (LINUX_SLL2)")
	}
	l.send(all, 0, nil)
	any.awaitFrames(len(l.filtered(all)))
	for _, p := range []*program{any, out, inner} {
		if status := p.interrupt(); status != exitInterrupted {
			t.Errorf("exit status %d:\n%s", status, p.report())
		}
	}
	came := regexp.MustCompile(`(?m)^`+regexp.QuoteMeta(l.interfaceToTap)+` +P   IP .* ESP `).FindAllString(any.stdout.String(), -1)
	if len(came) < 200 {
		t.Errorf("%d packets are of others:\n%.2000s", len(came), any.stdout.String())
	}
	if text := out.stdout.String(); strings.Contains(text, "ESP") {
		t.Errorf("-Q out: %.2000s", text)
	}
	lines := strings.Split(strings.TrimSpace(inner.stdout.String()), "\n")
	for _, line := range lines {
		if !strings.Contains(line, ".80") {
			t.Errorf("--inner: %q", line)
		}
	}
	if len(lines) < 50 {
		t.Errorf("--inner: %d lines", len(lines))
	}
}
