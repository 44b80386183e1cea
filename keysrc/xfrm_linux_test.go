package keysrc

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// inNamespace runs f in a thread with a network namespace of its own, if the system lets the test
// do so.
func inNamespace(t *testing.T, f func()) {
	t.Helper()
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("no ip command")
	}
	done := make(chan error, 1)
	go func() {
		defer close(done)      // also if f ends the goroutine
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if err := syscall.Unshare(syscall.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		f()
	}()
	if err := <-done; errors.Is(err, os.ErrPermission) {
		t.Skip("no right to make a network namespace")
	} else if err != nil {
		t.Skip(err)
	}
}

// ipXfrm runs `ip xfrm state …` in the thread's namespace.
func ipXfrm(args string) (string, error) {
	out, err := exec.Command("ip", strings.Fields("xfrm state "+args)...).CombinedOutput()
	return string(out), err
}

// TestLoadXFRM asks the running kernel. Where it has no ESP, an SA that has no keys yet is all that
// it can hold.
func TestLoadXFRM(t *testing.T) {
	inNamespace(t, func() {
		const sa = "src 10.0.0.1 dst 10.0.0.2 proto esp spi 0x1234 mode transport auth-trunc hmac(sha256) 0x101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f 128 enc cbc(aes) 0x404142434445464748494a4b4c4d4e4f"
		want := "esp 1 00001234 10.0.0.1>10.0.0.2 aes-cbc-128/hmac-sha2-256-128 404142434445464748494a4b4c4d4e4f 101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f esn=false"
		if _, err := ipXfrm("add " + sa); err != nil {
			want = ""
			if out, err := ipXfrm("allocspi src 10.0.0.1 dst 10.0.0.2 proto esp min 0x100 max 0x200"); err != nil {
				t.Log("kernel without IPsec: " + out)
				return
			}
		}
		keys := new(Keys)
		x := xfrm{out: &output{name: "xfrm", emit: keys.add}}
		if err := x.dump(); err != nil {
			t.Error(err)
			return
		}
		if got := summary(keys); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if want == "" && x.larval != 1 {
			t.Errorf("%d SAs without keys", x.larval)
		}
		switch keys, err := LoadXFRM(); {
		case want == "" && (err == nil || !strings.Contains(err.Error(), "no ESP SA")):
			t.Errorf("LoadXFRM without a key: %v", err)
		case want != "" && (err != nil || summary(keys) != want):
			t.Errorf("LoadXFRM: %v", err)
		}
	})
}

// TestOpenXFRMEnds: Run ends with its context, also when that has ended before.
func TestOpenXFRMEnds(t *testing.T) {
	inNamespace(t, func() {
		for _, d := range []time.Duration{0, time.Millisecond, 20 * time.Millisecond, 3 * followWait / 2} {
			f, err := OpenXFRM()
			if err != nil {
				t.Error(err)
				return
			}
			ctx, cancel := context.WithTimeout(context.Background(), d)
			if err := f.Run(ctx, func(*Keys) {}); err != nil {
				t.Errorf("after %v: %v", d, err)
			}
			cancel()
			if err := f.Close(); err != nil {
				t.Errorf("after %v: %v", d, err)
			}
		}
	})
}
