package follow

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os/exec"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// namespace puts the test into a network namespace of its own. The thread is in it, and ends with
// the goroutine that is locked to it.
func namespace(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		t.Skip("a network namespace takes root: ", err)
	}
}

// Messages to the listeners of the kernel's SA group, sent by the test.
func TestXFRM(t *testing.T) {
	namespace(t)
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_XFRM)
	if err != nil {
		t.Skip(err)
	}
	defer unix.Close(fd)
	src, _ := openTest(t, "xfrm:", Options{})
	if src.Name() != "xfrm:" {
		t.Errorf("name %q", src.Name())
	}
	r := start(t, src)
	var want []string
	for _, sa := range []struct {
		spi uint32
		key byte
	}{{0x1001, 1}, {0x1001, 1}, {0x1002, 2}, {0x1001, 3}} { // given again, and used again
		if err := unix.Sendto(fd, newSA(sa.spi, sa.key), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1 << 2}); err != nil {
			t.Skip(err)
		}
		key := func(n int) []byte { return bytes.Repeat([]byte{sa.key}, n) }
		want = append(want, wholeOf(t, fmt.Appendf(nil, "src 192.0.2.1 dst 192.0.2.2\n\tproto esp spi 0x%08x reqid 0 mode transport\n\treplay-window 0\n"+
			"\tauth-trunc hmac(sha1) 0x%x 96\n\tenc cbc(aes) 0x%x\n", sa.spi, key(20), key(16)), "state")...)
	}
	r.await(want)
	r.finish(want)
	if len(want) != 4 || len(r.got) != 3 {
		t.Errorf("%d keys of %d", len(r.got), len(want))
	}
}

// newSA makes a message XFRM_MSG_NEWSA as the kernel sends it.
func newSA(spi uint32, key byte) []byte {
	attribute := func(b []byte, kind uint16, algorithm string, n int, trunc []byte) []byte {
		size := 4 + 64 + 4 + len(trunc) + n
		b = binary.NativeEndian.AppendUint16(b, uint16(size))
		b = binary.NativeEndian.AppendUint16(b, kind)
		b = append(b, algorithm...)
		b = append(b, make([]byte, 64-len(algorithm))...)
		b = binary.NativeEndian.AppendUint32(b, uint32(8*n))
		b = append(b, trunc...)
		b = append(b, bytes.Repeat([]byte{key}, n)...)
		return append(b, make([]byte, -size&3)...)
	}
	info := make([]byte, 224) // struct xfrm_usersa_info
	copy(info[56:], []byte{192, 0, 2, 2})
	binary.BigEndian.PutUint32(info[72:], spi)
	info[76] = 50 // ESP
	copy(info[80:], []byte{192, 0, 2, 1})
	binary.NativeEndian.PutUint16(info[212:], unix.AF_INET)
	b := append(make([]byte, 16), info...)
	b = attribute(b, 20, "hmac(sha1)", 20, binary.NativeEndian.AppendUint32(nil, 96)) // XFRMA_ALG_AUTH_TRUNC
	b = attribute(b, 2, "cbc(aes)", 16, nil)                                          // XFRMA_ALG_CRYPT
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	binary.NativeEndian.PutUint16(b[4:], 0x10) // XFRM_MSG_NEWSA
	return b
}

// The kernel's SAs: those that are there, and those that come.
func TestXFRMKernel(t *testing.T) {
	ip, err := exec.LookPath("ip")
	if err != nil {
		t.Skip("no ip command")
	}
	namespace(t)
	state := func(args ...string) {
		t.Helper()
		if out, err := exec.Command(ip, append([]string{"xfrm", "state"}, args...)...).CombinedOutput(); err != nil {
			t.Skipf("the kernel takes no SA: %v: %s", err, out)
		}
	}
	add := func(verb, spi, key string) {
		t.Helper()
		state(verb, "src", "192.0.2.1", "dst", "192.0.2.2", "proto", "esp", "spi", spi, "mode", "transport",
			"auth-trunc", "hmac(sha1)", key+"00112233", "96", "enc", "cbc(aes)", key)
	}
	const first, second, third = "0x000102030405060708090a0b0c0d0e0f", "0x101112131415161718191a1b1c1d1e1f", "0x202122232425262728292a2b2c2d2e2f"
	add("add", "0x1001", first)
	src, err := Open("xfrm:", Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := start(t, src)
	add("add", "0x1002", second)
	state("delete", "src", "192.0.2.1", "dst", "192.0.2.2", "proto", "esp", "spi", "0x1001")
	add("add", "0x1001", third) // the SPI is used again
	out, err := exec.Command(ip, "xfrm", "state").Output()
	if err != nil {
		t.Fatal(err)
	}
	want := wholeOf(t, out, "xfrm.txt")
	if len(want) != 2 {
		t.Fatalf("%d SAs, want 2", len(want))
	}
	r.await(want)
	if err := r.end(); err != nil {
		t.Error(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.got) != 3 {
		t.Errorf("%d keys, want 3", len(r.got))
	}
	for id, n := range r.got {
		if n != 1 {
			t.Errorf("%s was given %d times", r.origins[id], n)
		}
	}
}
