package main

import (
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"github.com/landlock-lsm/go-landlock/landlock"
	lsys "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/psx"
)

// The capabilities that live may need as root behind the opening.
const (
	capReadFiles  = "CAP_DAC_READ_SEARCH"
	capWriteFiles = "CAP_DAC_OVERRIDE"
)

var capBits = map[string]uint{capReadFiles: unix.CAP_DAC_READ_SEARCH, capWriteFiles: unix.CAP_DAC_OVERRIDE}

// stayRoot gives up all capabilities but those in keep.
func stayRoot(id *identity, keep []string, why string, n needs) (string, error) {
	var mask uint32
	for _, k := range keep {
		mask |= 1 << capBits[k]
	}
	if n.commands {
		return "running as root, as whom the command of exec: was started (-Z USER runs both as USER)", nil
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := [2]unix.CapUserData{{Effective: mask, Permitted: mask}}
	if _, _, e := psx.Syscall3(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&data[0])), 0); e != 0 {
		return "", fmt.Errorf("capabilities: %w", e)
	}
	done, err := confine(n)
	if err != nil {
		return "", err
	}
	slices.Sort(keep)
	with := "without capabilities"
	if keep = slices.Compact(keep); len(keep) > 0 {
		with = "with no capability but " + strings.Join(keep, " and ")
	}
	text := strings.Join(append([]string{"running as root, " + with}, done...), ", ")
	if why != "" {
		text += " (" + why + "; -Z USER runs as USER)"
	}
	return text, nil
}

// confine gives up the way to new privileges and, unless commands are run, all files but those that are needed.
func confine(n needs) (done []string, err error) {
	if _, _, e := psx.Syscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); e != 0 {
		return nil, fmt.Errorf("no_new_privs: %w", e)
	}
	done = []string{"no_new_privs"}
	if n.commands {
		return done, nil
	}
	version, err := lsys.LandlockGetABIVersion()
	if err != nil || version < 1 {
		return append(done, "no Landlock in this kernel"), nil
	}
	rules := []landlock.Rule{
		landlock.RODirs("/sys/class/net", "/sys/devices").IgnoreIfMissing(), // libpcap counts there
		landlock.RWFiles("/dev/null").IgnoreIfMissing(),
	}
	for _, d := range n.readFolders() {
		rules = append(rules, landlock.RODirs(d).IgnoreIfMissing())
	}
	for _, d := range n.folders {
		rules = append(rules, landlock.RWDirs(d).IgnoreIfMissing())
	}
	if err := landlock.V8.BestEffort().Restrict(rules...); err != nil {
		return nil, fmt.Errorf("landlock: %w", err)
	}
	return append(done, "confined by Landlock"), nil
}
