package main

import "testing"

// TestVersion prints what a release has been stamped with.
func TestVersion(t *testing.T) {
	v := newValidator(t)
	v.check("this build", "version", "--json")
	version, commit, commitDate = "1.2.3", "0123456789abcdef0123456789abcdef01234567", "2026-11-27T18:01:02+09:00"
	defer func() { version, commit, commitDate = "", "", "" }()
	v.check("a release", "version", "--json")
	if v.lines["version"] != 2 {
		t.Errorf("%d lines are valid", v.lines["version"])
	}
	b := thisBuild()
	want := "l2tpdump 1.2.3\ncommit 0123456789abcdef0123456789abcdef01234567 of 2026-11-27 09:01 UTC\n" +
		b.Go + ", " + b.OS + "/" + b.Arch + "\n" + b.Capture + "\n"
	if text := quietly(t, func() { run([]string{"version"}) }); text != want {
		t.Errorf("%q, want %q", text, want)
	}
}
