package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"l2tpdump/keysrc"
)

// TestCandidates: what may stand in place of the last word, without what it means.
func TestCandidates(t *testing.T) {
	for _, c := range []struct {
		words string // the last may be empty
		want  []string
	}{
		{"dec", []string{"decrypt"}},
		{"-", nil},
		{"outer.p", []string{":files"}},
		{"outer.pcap rou", []string{":files"}},
		{"decrypt --lay", []string{"--layer"}},
		{"decrypt -r", []string{"-r"}},
		{"decrypt --layer ", []string{"l2tp", "ppp", "ip", "eth"}},
		{"decrypt --layer i", []string{"ip"}},
		{"decrypt --layer=i", []string{"--layer=ip"}},
		{"decrypt --layer = i", []string{"ip"}}, // as bash has it
		{"decrypt --layer =", []string{"l2tp", "ppp", "ip", "eth"}},
		{"decrypt --only e", []string{"esp", "eth"}},
		{"decrypt --only ike,e", []string{"ike,esp", "ike,eth"}},
		{"verify --color a", []string{"auto", "always"}},
		{"live -Q in", []string{"in", "inout"}},
		{"decrypt -F ", []string{":files"}},
		{"decrypt --key-format ", keysrc.FormatNames()},
		{"decrypt -q -r ", []string{":files"}},
		{"decrypt -qr ", []string{":files"}},
		{"decrypt -w x --psk", nil},
		{"sessions --psk-file ", []string{":files"}},
		{"keys --wireshark ", []string{":folders"}},
		{"keys -k x", []string{":files", "xfrm:"}},
		{"live -k ", []string{":files", "xfrm:", "syslog:", "exec:"}},
		{"live -v ", nil},
		{"live --prog", nil},
		{"live --nothing=", nil},
		{"live --all=", nil},
		{"schema ver", []string{"verify", "version"}},
		{"completion ", []string{"bash", "zsh", "fish"}},
		{"extcap ", []string{"install", "remove"}},
		{"extcap install ", []string{":folders"}},
		{"help ext", []string{"extcap"}},
	} {
		var got []string
		for _, line := range candidates(strings.Split(c.words, " ")) {
			word, _, _ := strings.Cut(line, "\t")
			got = append(got, word)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.words, got, c.want)
		}
	}
	if got := candidates([]string{"live", "-i", ""}); !slices.Contains(got, loopback(t)) {
		t.Errorf("interfaces: %q", got)
	}
}

// TestHelpNamesFlags: the help of each command names each of its options, and what stands for its
// value, from which the shells know whether it is a file.
func TestHelpNamesFlags(t *testing.T) {
	for _, command := range commandNames {
		if _, ok := commandUsage[command]; !ok && command != "help" {
			t.Errorf("no help for %s", command)
		}
		told := flagHelp(commandUsage[command])
		flagsOf(command).VisitAll(func(f *pflag.Flag) {
			text, ok := told[f.Name]
			if !ok {
				text, ok = told[f.Shorthand]
			}
			if !f.Hidden && (!ok || text.help == "" || (text.value == "") != (f.NoOptDefVal != "")) {
				t.Errorf("%s --%s: the help says %+v", command, f.Name, text)
			}
		})
	}
}

// TestCompletionInShells presses TAB in each shell that is installed.
func TestCompletionInShells(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the shells are Unix's")
	}
	dir := t.TempDir()
	for _, name := range []string{"folder/with", "router.log"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(self(t), filepath.Join(dir, "l2tpdump")); err != nil {
		t.Fatal(err)
	}
	for shell, script := range map[string]string{
		"bash": `source <(l2tpdump completion bash)
tab() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _l2tpdump l2tpdump; echo "${COMPREPLY[*]}"; }
tab l2tpdump verif
tab l2tpdump decrypt --layer = p
tab l2tpdump keys --key-format softe
tab l2tpdump decrypt -r rout
tab l2tpdump keys --wireshark fol
tab l2tpdump live -k xf
`,
		"zsh": `zmodload zsh/zpty || exit 1
zpty tab zsh -f -i
zpty -w tab 'PS1= PS2= RPS1=; unsetopt zle; autoload -Uz compinit; compinit -D -u; source <(l2tpdump completion zsh); setopt zle'
zpty -w tab 'zstyle ":completion:*" verbose no; bindkey "^I" complete-word; show() { print -r -- "<$BUFFER>"; BUFFER=; zle accept-line }; zle -N show; bindkey "^X" show'
for line in 'l2tpdump verif' 'l2tpdump decrypt --layer p' 'l2tpdump keys --key-format softe' 'l2tpdump decrypt -r rout' 'l2tpdump keys --wireshark fol' 'l2tpdump live -k xf'; do
	zpty -w -n tab "$line"$'\t\x18'
	zpty -r -m tab text '*<l2tpdump*>*'
	text=${text##*<l2tpdump}
	text=${${text%%>*}%% }
	print -r -- "${text##* }"
done
`,
		"fish": `l2tpdump completion fish | source
for line in 'l2tpdump verif' 'l2tpdump decrypt --layer p' 'l2tpdump keys --key-format softe' 'l2tpdump decrypt -r rout' 'l2tpdump keys --wireshark fol' 'l2tpdump live -k xf'
	complete -C $line | string replace -r '\t.*' '' | string join ' '
end
exit 0
`,
	} {
		t.Run(shell, func(t *testing.T) {
			if _, err := exec.LookPath(shell); err != nil {
				t.Skip("not installed")
			}
			cmd := exec.Command(shell, "-c", script)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), asProgram+"=1", "GORACE="+raceExit, "HOME="+dir, "TERM=dumb",
				"PATH="+dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
			text, err := cmd.CombinedOutput()
			want := "verify\nppp\nsoftether\nrouter.log\nfolder\nxfrm:\n"
			if got := strings.ReplaceAll(string(text), "folder/", "folder"); err != nil || got != want {
				t.Errorf("%v:\n%s", err, text)
			}
		})
	}
}
