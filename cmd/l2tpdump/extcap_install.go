package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"l2tpdump/capture"
)

// wiresharkPatience is how long Wireshark may take to answer: at its first start it looks for much.
var wiresharkPatience = time.Minute

// extcapActions are what extcap can do.
var extcapActions = []string{"install", "remove"}

// extcapCommand is the command "extcap": makes Wireshark know the program, or forget it.
func extcapCommand(args []string) error {
	rest, err := parse(newFlags("extcap"), args)
	if err != nil {
		return err
	}
	if len(rest) == 0 || len(rest) > 2 || !slices.Contains(extcapActions, rest[0]) {
		return withHint(didYouMean(first(rest), "extcap ", extcapActions, "l2tpdump help extcap"),
			"extcap takes install or remove, and a folder if it is not Wireshark's own")
	}
	own := len(rest) == 1
	var dir string
	if own {
		dir, err = extcapFolder()
	} else {
		dir = rest[1]
	}
	switch {
	case err != nil:
		return err
	case rest[0] == "install":
		return extcapInstall(dir, own)
	}
	return extcapRemove(dir)
}

// extcapInstall puts the program into the folder. If that is Wireshark's own, Wireshark is asked
// whether it has found it.
func extcapInstall(dir string, own bool) error {
	if _, err := capture.Devices(); err != nil { // a build that can't capture
		return err
	}
	path, err := installExtcap(dir)
	if err != nil {
		return err
	}
	found := false
	if own {
		if found, err = verifyExtcap(path); err != nil {
			return err
		}
	}
	if found {
		message("Wireshark finds l2tpdump as %s; press F5 in its list of interfaces", path)
	} else {
		message("%s is there; if Wireshark looks in that folder it has its interfaces after F5", path)
	}
	if runtime.GOOS != "windows" && os.Getuid() != 0 {
		hint("what it needs to capture: %s", notePermission())
	}
	return nil
}

// extcapRemove takes the program out of the folder.
func extcapRemove(dir string) error {
	path := extcapPath(dir)
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		message("%s is not there", path)
		return nil
	case err != nil:
		return explainFile(err)
	case !replaceable(info):
		return fmt.Errorf("%s is not l2tpdump", path)
	}
	if err := os.Remove(path); err != nil {
		return explainFile(err)
	}
	message("removed %s", path)
	return nil
}

// extcapPath is where the program lies in a folder.
func extcapPath(dir string) string {
	path := filepath.Join(dir, "l2tpdump")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	return path
}

// replaceable reports whether a file of that name may be an earlier l2tpdump.
func replaceable(info fs.FileInfo) bool {
	return info.Mode()&os.ModeSymlink != 0 || info.Mode().IsRegular()
}

// askWireshark runs tshark where it may be, and returns what it prints. The error says why there is
// no answer.
func askWireshark(args ...string) (string, error) {
	for _, program := range [...]string{
		"tshark", "/Applications/Wireshark.app/Contents/MacOS/tshark", `C:\Program Files\Wireshark\tshark.exe`,
	} {
		if _, err := exec.LookPath(program); err != nil {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), wiresharkPatience)
		defer cancel()
		cmd := exec.CommandContext(ctx, program, args...)
		cmd.WaitDelay = time.Second
		text, err := cmd.Output()
		switch {
		case ctx.Err() != nil:
			return "", fmt.Errorf("%s %s did not end within %v", program, strings.Join(args, " "), wiresharkPatience)
		case err != nil:
			return "", fmt.Errorf("%s %s: %w", program, strings.Join(args, " "), err)
		}
		return string(text), nil
	}
	return "", errors.New("there is no tshark")
}

// verifyExtcap asks Wireshark whether it has found the program at path. That it can't be asked is
// told, and no error.
func verifyExtcap(path string) (found bool, err error) {
	list, err := askWireshark("-D")
	if err != nil {
		message("whether Wireshark finds it could not be asked: %v", err)
		return false, nil
	}
	if !strings.Contains(list, extcapPrefix) {
		return false, withHint("name its folder, which Wireshark shows at Help, About Wireshark, Folders: l2tpdump extcap install DIR",
			"%s is there, but tshark -D does not list its interfaces", path)
	}
	return true, nil
}

// installExtcap links, or where that can't be done copies, the program into the folder.
func installExtcap(dir string) (string, error) {
	exe, err := os.Executable()
	if err != nil {
		return "", err
	}
	if exe, err = filepath.EvalSymlinks(exe); err != nil {
		return "", err
	}
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return "", fmt.Errorf("%s is not a folder", dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", explainFile(err)
	}
	path := extcapPath(dir)
	if same(exe, path) {
		return path, nil
	}
	if info, err := os.Lstat(path); err == nil {
		if !replaceable(info) {
			return "", fmt.Errorf("%s is in the way, and is not l2tpdump", path)
		}
		if err := os.Remove(path); err != nil { // an earlier one
			return "", err
		}
	}
	if os.Symlink(exe, path) == nil {
		return path, nil
	}
	return path, copyFile(exe, path)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	w, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, in)
	if e := w.Close(); err == nil {
		err = e
	}
	return err
}

// extcapFolder is Wireshark's personal folder for extcaps. It has moved with version 4.2, so
// Wireshark is asked.
func extcapFolder() (string, error) {
	if dir := os.Getenv("WIRESHARK_EXTCAP_DIR"); dir != "" {
		return dir, nil
	}
	folders, err := askWireshark("-G", "folders")
	if err == nil {
		if dir := personalExtcap(folders); dir != "" {
			return dir, nil
		}
		err = errors.New("tshark -G folders names none")
	}
	message("Wireshark could not be asked for its folder: %v; the usual one is taken", err)
	if runtime.GOOS == "windows" {
		return filepath.Join(os.Getenv("APPDATA"), "Wireshark", "extcap"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".local", "lib", "wireshark", "extcap"), nil
}

// personalExtcap finds the folder in what "tshark -G folders" prints. Versions before 4.2 name
// none: it lies in the folder of the configuration.
func personalExtcap(folders string) string {
	config := ""
	for line := range strings.Lines(folders) {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "personal extcap path", "personal extcap":
			return value
		case "personal configuration":
			config = value
		}
	}
	if config == "" {
		return ""
	}
	return filepath.Join(config, "extcap")
}
