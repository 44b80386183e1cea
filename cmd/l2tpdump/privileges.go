package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
)

// Root is needed to open the capture, and may be needed to open key sources and the output. Behind
// that, live runs as another user: the one of -Z, else the one who called sudo, else nobody. Where
// that user could not do what the command line asks for later on (begin the next file of a ring,
// open a log again after its rotation) and was not chosen with -Z, live keeps the capability for
// reading or writing files. On Linux, Landlock then leaves it the folders that it works in. Without
// root, the capabilities of the program's file are given up in the same way. The command of an
// exec: source is run by a process of its own.

// identity is whom to run as.
type identity struct {
	name     string
	home     string
	uid, gid int
	groups   []int
	chosen   bool // by -Z
	fallback bool // nobody, for want of another: what is opened and run before is root's
}

// chooseIdentity returns whom to run as, or nil to stay who we are.
func chooseIdentity(name string) (*identity, error) {
	if os.Getuid() != 0 {
		if name != "" {
			return nil, withHint("run it as root, or without -Z", "only root can become another user")
		}
		return nil, nil
	}
	if name != "" {
		u, err := user.Lookup(name)
		if err != nil {
			return nil, fmt.Errorf("-Z %s: there is no such user", name)
		}
		return identityOf(u, identity{chosen: true})
	}
	if uid := os.Getenv("SUDO_UID"); uid != "" && uid != "0" {
		u, err := user.LookupId(uid)
		if err != nil {
			return nil, withHint("-Z USER chooses another", "the user %s who called sudo is not known", uid)
		}
		return identityOf(u, identity{})
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		return &identity{name: "nobody", fallback: true, uid: 65534, gid: 65534, groups: []int{65534}}, nil
	}
	return identityOf(u, identity{fallback: true})
}

// identityOf fills in who a user is.
func identityOf(u *user.User, id identity) (*identity, error) {
	if id.name, id.home = u.Username, u.HomeDir; u.Uid == "0" {
		return &id, nil
	}
	var err error
	if id.uid, err = strconv.Atoi(u.Uid); err != nil {
		return nil, err
	}
	if id.gid, err = strconv.Atoi(u.Gid); err != nil {
		return nil, err
	}
	all, err := u.GroupIds()
	if err != nil {
		all = []string{u.Gid}
	}
	for _, g := range all {
		if n, err := strconv.Atoi(g); err == nil {
			id.groups = append(id.groups, n)
		}
	}
	return &id, nil
}

// commandUser names whom the commands of exec: sources are run as, "" for the one that the program
// was started by.
func (id *identity) commandUser() string {
	if id == nil || id.fallback {
		return ""
	}
	return id.name
}

// needs are what live does after it has become another user.
type needs struct {
	reads   []string // files that may be opened again
	folders []string // in which files are created
}

// readFolders are the folders of the files that may be opened again, those of symbolic links
// included.
func (n *needs) readFolders() []string {
	var folders []string
	for _, f := range n.reads {
		folders = append(folders, folderOf(f))
		if real, err := filepath.EvalSymlinks(f); err == nil {
			folders = append(folders, filepath.Dir(real))
		}
	}
	return folders
}

// folderOf is the folder of a file, or where that is still to be made, the nearest above it that is
// there.
func folderOf(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return filepath.Dir(path)
	}
	for {
		above := filepath.Dir(abs)
		if _, err := os.Stat(above); !errors.Is(err, fs.ErrNotExist) || above == abs {
			return above
		}
		abs = above
	}
}
