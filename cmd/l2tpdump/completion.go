package main

import (
	"embed"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/output"
	"l2tpdump/keysrc"
)

// A shell is given a few lines that ask the program, at each press of TAB, what may stand in place
// of the last word. The answer comes from the flag tables and the help text.

// candidatesCommand is what the shells' scripts call: its arguments are the words behind
// "l2tpdump", of which the last is the one to complete. It prints a candidate a line, behind a TAB
// what it means; ":files" and ":folders" have the shell look for those itself.
const candidatesCommand = "__complete"

const (
	anyFile   = ":files"
	anyFolder = ":folders"
)

//go:embed completion.bash completion.zsh completion.fish
var completions embed.FS

var shells = []string{"bash", "zsh", "fish"}

// completionCommand is the command "completion": prints a shell's script.
func completionCommand(args []string) error {
	rest, err := parse(newFlags("completion"), args)
	if err != nil {
		return err
	}
	if len(rest) != 1 || !slices.Contains(shells, rest[0]) {
		return withHint(didYouMean(first(rest), "completion ", shells, "l2tpdump help completion"),
			"completion takes one of %s", strings.Join(shells, ", "))
	}
	text, err := completions.ReadFile("completion." + rest[0])
	out("%s", text)
	return err
}

// commandNames are all commands.
var commandNames = []string{
	"decrypt", "live", "verify", "keys", "sessions", "schema", "interfaces", "extcap", "completion", "version", "help",
}

// flagsOf returns the options of a command.
func flagsOf(command string) *pflag.FlagSet {
	switch command {
	case "decrypt":
		return new(options).decryptFlags()
	case "live":
		return new(liveOptions).flags()
	case "verify":
		return new(options).verifyFlags()
	case "sessions":
		return new(options).sessionsFlags()
	case "keys":
		return new(keysOptions).flags()
	case "version":
		return new(options).versionFlags()
	}
	return newFlags(command)
}

// printCandidates is [candidatesCommand].
func printCandidates(words []string) error {
	if len(words) == 0 {
		return exitStatus(exitError)
	}
	for _, c := range candidates(words) {
		out("%s\n", c)
	}
	return nil
}

// candidates returns what may stand in place of the last word.
func candidates(words []string) []string {
	word, before := words[len(words)-1], words[:len(words)-1]
	if len(before) == 0 {
		if found := matching(word, commandNames); len(found) > 0 || strings.HasPrefix(word, "-") {
			return found
		}
		return []string{anyFile}
	}
	command := before[0]
	if !slices.Contains(commandNames, command) {
		return []string{anyFile} // captures and key sources may stand without a command
	}
	// bash takes the = of --layer=ip for a word of its own.
	if n := len(before); word == "=" {
		word = ""
	} else if before[n-1] == "=" {
		before = before[:n-1]
	}
	set := flagsOf(command)
	told := flagHelp(commandUsage[command])
	if name, value, ok := strings.Cut(word, "="); ok && strings.HasPrefix(name, "--") {
		found := matching(value, valuesOf(set.Lookup(name[2:]), told))
		for i, v := range found {
			if v != anyFile && v != anyFolder {
				found[i] = name + "=" + v
			}
		}
		return found
	}
	switch f := valueFlag(set, before[len(before)-1]); {
	case f != nil && f.Name == "only":
		return another(word, valuesOf(f, told))
	case f != nil:
		return matching(word, valuesOf(f, told))
	case strings.HasPrefix(word, "-"):
		return matching(word, flagNamesOf(set, told))
	}
	return matching(word, argumentsOf(command, before[1:]))
}

// another completes the last of several names that are divided by commas.
func another(word string, names []string) []string {
	start := strings.LastIndexByte(word, ',') + 1
	var found []string
	for _, name := range matching(word[start:], names) {
		found = append(found, word[:start]+name)
	}
	return found
}

// matching keeps what begins with the word, and what the shell looks for.
func matching(word string, all []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool {
		return s != anyFile && s != anyFolder && !strings.HasPrefix(s, word)
	})
}

// valueFlag returns the option that the next word is the value of, nil if there is none.
func valueFlag(set *pflag.FlagSet, word string) *pflag.Flag {
	var f *pflag.Flag
	if name, ok := strings.CutPrefix(word, "--"); ok {
		f = set.Lookup(name)
	} else if strings.HasPrefix(word, "-") && len(word) > 1 {
		f = set.ShorthandLookup(word[len(word)-1:]) // the last of several, as in -qr
	}
	if f == nil || f.NoOptDefVal != "" {
		return nil
	}
	return f
}

// flagNamesOf lists the options of a set.
func flagNamesOf(set *pflag.FlagSet, told map[string]flagText) (names []string) {
	add := func(name, help string) {
		if help != "" {
			name += "\t" + help
		}
		names = append(names, name)
	}
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		help := told[f.Name].help
		if f.Shorthand != "" {
			if help == "" {
				help = told[f.Shorthand].help
			}
			add("-"+f.Shorthand, help)
		}
		add("--"+f.Name, help)
	})
	return names
}

// valuesOf returns what an option takes.
func valuesOf(f *pflag.Flag, told map[string]flagText) []string {
	if f == nil {
		return nil
	}
	switch f.Name {
	case "keys":
		return append([]string{anyFile, keysrc.XFRMName + "\tthe SAs of this Linux kernel"}, liveKeySources...)
	case "key-format":
		return keysrc.FormatNames()
	case "layer":
		return output.Layers
	case "only":
		return output.OnlyNames
	case "interface":
		return interfaceNames()
	case "direction":
		return slices.Sorted(maps.Keys(directions))
	case "color":
		return colorWhen
	}
	switch told[f.Name].value {
	case "FILE":
		return []string{anyFile}
	case "DIR":
		return []string{anyFolder}
	}
	return nil
}

// liveKeySources are the sources of keys that are no files.
var liveKeySources = []string{"syslog:\tlive: syslog messages, at [ADDR]:PORT", "exec:\tlive: what a command prints"}

func interfaceNames() (names []string) {
	devices, err := capture.Devices()
	if err != nil {
		return nil // completion has nobody to tell
	}
	for _, d := range devices {
		names = append(names, d.Name)
	}
	return names
}

// argumentsOf returns what may stand behind a command that is no option.
func argumentsOf(command string, before []string) []string {
	switch {
	case command == "extcap" && len(before) == 1:
		return []string{anyFolder}
	case len(before) > 0:
		return nil
	}
	switch command {
	case "extcap":
		return extcapActions
	case "schema":
		return schemas
	case "completion":
		return shells
	case "help":
		return commandNames
	}
	return nil
}

// flagText is what the help says of an option: what stands for its value, and the first words about
// it.
type flagText struct{ value, help string }

// flagLine is a line of the help that begins with an option: "-r, --read FILE  a capture", "-v,
// -vv".
var flagLine = regexp.MustCompile(`^ +(?:-([\w#]), )?(?:-(\w)|--([a-z0-9-]+))(?:, -\w+)?(?: ([A-Z]+))? *(.*)$`)

// flagHelp reads the help text of a command, by the options' long and short names.
func flagHelp(usage string) map[string]flagText {
	told := make(map[string]flagText)
	var names []string // that wait for their text in the next line
	for line := range strings.Lines(usage) {
		line = strings.TrimSuffix(line, "\n")
		var text flagText
		if m := flagLine.FindStringSubmatch(line); m != nil {
			names, text = m[1:4], flagText{m[4], m[5]}
		} else if names != nil {
			text = flagText{told[names[2]].value, strings.TrimSpace(line)}
		}
		if end := strings.IndexAny(text.help, ";:("); end >= 0 {
			text.help = strings.TrimSpace(text.help[:end])
		}
		for _, name := range names {
			if name != "" {
				told[name] = text
			}
		}
		if text.help != "" {
			names = nil
		}
	}
	return told
}
