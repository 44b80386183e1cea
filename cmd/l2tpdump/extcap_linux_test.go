package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"l2tpdump/capture"
)

// TestExtcapTshark has tshark list the interfaces and capture through one: without packets, with a
// key file, and with a filter that is wrong.
func TestExtcapTshark(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("needs tshark")
	}
	l := newLab(t)
	home := l.path("home")
	for _, dir := range []string{home, l.path("run")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	env := append(os.Environ(), asProgram+"=1", "GORACE="+raceExit, "SUDO_UID=", "HOME="+home, "TMPDIR="+l.path("run"), "XDG_CONFIG_HOME=")
	install := exec.Command(self(t), "extcap", "install")
	install.Env = env
	if text, err := install.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tshark := func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", l.nameB, "tshark"}, args...)...)
		cmd.Env, cmd.WaitDelay = env, time.Second
		return cmd
	}
	list, err := tshark("-D").Output()
	if err != nil {
		t.Fatal(err)
	}
	name := extcapPrefix + l.interfaceToTap
	if !strings.Contains(string(list), name+" (L2TP/IPsec decrypted: "+l.interfaceToTap+")") {
		t.Fatalf("tshark -D lists\n%s", list)
	}

	all, _, _ := captureOf(t, "02-natt-aes256-sha1")
	key := "extcap." + strings.ReplaceAll(name, "-", "_") + ".keyfile:" + l.path("esp_sa")
	text, err := os.ReadFile(captures + "/02-natt-aes256-sha1/keys/esp_sa")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(l.path("esp_sa"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	out := l.path("tshark.pcapng")
	cmd := tshark("-i", name, "-o", key, "-c", "300", "-w", out)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		cmd.Wait()
		close(ended)
	}()
	for done := false; !done; {
		l.send(all, 100, ended)
		select {
		case <-ended:
			done = true
		default:
		}
	}
	if !cmd.ProcessState.Success() {
		t.Errorf("%v: %s", cmd.ProcessState, said.String())
	}
	clear := 0
	for _, p := range wholeCapture(t, out) {
		var f capture.Frame
		if err := f.Decode(capture.Ethernet, p.Data); err != nil {
			t.Errorf("what tshark has written: %v", err)
		} else if f.UDP && f.SrcPort == 1701 {
			clear++
		}
	}
	if clear == 0 {
		t.Errorf("no L2TP in clear in what tshark has written:\n%s", said.String())
	}

	// Without a packet it ends all the same.
	none := tshark("-i", extcapPrefix+"lo", "-a", "duration:1", "-w", l.path("none.pcapng"))
	if text, err := none.CombinedOutput(); err != nil {
		t.Errorf("without a packet: %v: %s", err, text)
	}
	if n := len(wholeCapture(t, l.path("none.pcapng"))); n != 0 {
		t.Errorf("%d packets of nothing", n)
	}

	// What is wrong is shown.
	bad := tshark("-i", name, "-f", "udp port nowhere", "-a", "duration:5", "-w", l.path("bad.pcapng"))
	if text, err := bad.CombinedOutput(); err == nil || !bytes.Contains(text, []byte("filter for ")) {
		t.Errorf("a wrong filter: %v:\n%s", err, text)
	}
}
