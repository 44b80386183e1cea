package main

import (
	"fmt"
	"os"
	"strings"
	"unsafe"

	"github.com/landlock-lsm/go-landlock/landlock"
	lsys "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/psx"
)

const hasCapabilities = true

// The capabilities that live may need behind the opening.
const (
	capReadFiles  = "CAP_DAC_READ_SEARCH"
	capWriteFiles = "CAP_DAC_OVERRIDE"
)

var capBits = map[string]uint{capReadFiles: unix.CAP_DAC_READ_SEARCH, capWriteFiles: unix.CAP_DAC_OVERRIDE}

// addressSpace is how many bytes of addresses the process may have.
func addressSpace() uint64 {
	limit := unix.Rlimit{Cur: unix.RLIM_INFINITY}
	if unix.Getrlimit(unix.RLIMIT_AS, &limit) != nil {
		return unix.RLIM_INFINITY
	}
	return limit.Cur
}

// forbidDumps has no core dump made of the process, which would hold all keys, nor another one of
// the same user look into it.
func forbidDumps() error {
	if err := limitDumps(); err != nil {
		return err
	}
	return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}

// holdCapabilities has them outlive a change of the user, until setCapabilities.
func holdCapabilities() error {
	if _, _, e := psx.Syscall6(unix.SYS_PRCTL, unix.PR_SET_KEEPCAPS, 1, 0, 0, 0, 0); e != 0 {
		return fmt.Errorf("capabilities: %w", e)
	}
	return nil
}

// setCapabilities gives up all capabilities but those in keep.
func setCapabilities(keep []string) error {
	var mask uint32
	for _, k := range keep {
		mask |= 1 << capBits[k]
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := [2]unix.CapUserData{{Effective: mask, Permitted: mask}}
	_, _, e := psx.Syscall3(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&data[0])), 0)
	if e != 0 {
		return fmt.Errorf("capabilities: %w", e)
	}
	return nil
}

// dropCapabilities gives up those that the program's file gave to a user who is not root, and says
// so. n nil confines to nothing.
func dropCapabilities(n *needs) (string, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var has [2]unix.CapUserData
	if err := unix.Capget(&header, &has[0]); err != nil {
		return "", fmt.Errorf("capabilities: %w", err)
	}
	if os.Getuid() == 0 || has[0].Permitted|has[1].Permitted == 0 {
		return "", nil
	}
	if err := setCapabilities(nil); err != nil || n == nil {
		return "", err
	}
	done, err := confine(*n)
	if err != nil {
		return "", err
	}
	return strings.Join(append([]string{"without capabilities"}, done...), ", "), nil
}

// confine gives up the way to new privileges, all files but those that are needed, and the system
// calls that are not.
func confine(n needs) (done []string, err error) {
	if _, _, e := psx.Syscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); e != 0 {
		return nil, fmt.Errorf("no_new_privs: %w", e)
	}
	files, err := confineFiles(n)
	if err != nil {
		return nil, err
	}
	calls, err := confineCalls()
	if err != nil {
		return nil, err
	}
	return []string{"no_new_privs", files, calls}, nil
}

// confineFiles leaves the process no files but those that are needed.
func confineFiles(n needs) (string, error) {
	version, err := lsys.LandlockGetABIVersion()
	if err != nil || version < 1 {
		return "no Landlock in this kernel", nil
	}
	rules := []landlock.Rule{
		landlock.RODirs("/sys/class/net", "/sys/devices").IgnoreIfMissing(), // libpcap counts there
		landlock.RWFiles("/dev/null").IgnoreIfMissing(),
	}
	for _, d := range n.readFolders() {
		if _, err := os.Stat(d); err == nil { // else it can't be read from either
			rules = append(rules, landlock.RODirs(d))
		}
	}
	for _, d := range n.folders {
		rules = append(rules, landlock.RWDirs(d).IgnoreIfMissing())
	}
	if err := landlock.V8.BestEffort().Restrict(rules...); err != nil {
		return "", fmt.Errorf("landlock: %w", err)
	}
	return "confined by Landlock", nil
}
