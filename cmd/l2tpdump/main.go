// The l2tpdump program: tcpdump for L2TP/IPsec. It captures live or reads a capture, takes the
// keys from where they already are, decrypts IKEv1 and ESP, decodes L2TP and PPP, and prints or
// writes what was inside. Run "l2tpdump help" for its use; each subcommand has a file of its own.
package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"

	"l2tpdump/capture"
)

// Exit statuses. 2 is left to the Go runtime.
const (
	exitOK          = 0
	exitError       = 1   // an error, or bad usage
	exitPartly      = 3   // done, but something could not be decrypted or verified
	exitNothing     = 4   // no key matched anything
	exitInterrupted = 130 // by a signal, after output was flushed
)

// minAddressSpace is how many bytes RLIMIT_AS has to allow: for the Go runtime, libc and threads,
// most of which are never used, and for what doc/limits.md bounds.
const minAddressSpace = 2 << 30

// keepDumps, in the environment, has the program leave core dumps and be debugged.
const keepDumps = "L2TPDUMP_COREDUMP"

func main() {
	if n := addressSpace(); n < minAddressSpace {
		message("RLIMIT_AS allows %d MiB of addresses, and %d are needed: ulimit -v unlimited", n>>20, minAddressSpace>>20)
		os.Exit(exitError)
	}
	if os.Getenv(keepDumps) == "" {
		if err := forbidDumps(); err != nil {
			message("a core dump would hold keys, and can't be forbidden: %v", err)
		}
	}
	os.Exit(stdout.finished(run(os.Args[1:])))
}

func run(args []string) int {
	if len(args) > 0 && args[0] == keyCommand {
		return fail(runKeyCommand(args[1:]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	return fail(command(ctx, args))
}

// command carries out the command that args name.
func command(ctx context.Context, args []string) error {
	if isExtcap(args) {
		return extcap(ctx, args)
	}
	if len(args) == 0 {
		os.Stderr.WriteString(usage)
		return exitStatus(exitError)
	}
	name, rest := args[0], args[1:]
	switch name {
	case "decrypt":
		return decrypt(ctx, rest)
	case "live":
		return live(ctx, rest)
	case "verify":
		return verify(ctx, rest)
	case "keys":
		return keys(ctx, rest)
	case "sessions":
		return sessionsCommand(ctx, rest)
	case "schema":
		return schemaCommand(rest)
	case "interfaces", "-D":
		return interfaces(rest)
	case "extcap":
		return extcapCommand(rest)
	case "version", "--version":
		return versionCommand(rest)
	case "completion":
		return completionCommand(rest)
	case "help", "-h", "--help":
		return help(rest)
	case candidatesCommand:
		return printCandidates(rest)
	}
	if _, err := os.Stat(name); err != nil && !strings.HasPrefix(name, "-") && !likeFile.MatchString(name) {
		if _, err := capture.NewFilter(capture.Raw, strings.Join(args, " ")); err == nil {
			return withHint("l2tpdump live -i INTERFACE "+shown(args), "no command, only a filter")
		}
		return unknownCommand(name)
	}
	taken := commandOf(args)
	message("no command: taken for l2tpdump %s %s", taken, shown(args))
	return command(ctx, append([]string{taken}, args...))
}

func unknownCommand(name string) error {
	last := len(commandNames) - 1
	all := "the commands are " + strings.Join(commandNames[:last], ", ") + " and " + commandNames[last]
	return withHint(didYouMean(name, "", commandNames, all), "unknown command %q", name)
}

// commandOf is the command that a line of tcpdump is taken for: live, if it names an interface and
// no capture.
func commandOf(args []string) string {
	f := flagsOf("decrypt")
	f.ParseErrorsAllowlist.UnknownFlags = true
	f.Parse(args) // what is wrong with them, the command says
	if f.Changed("interface") && !f.Changed("read") && !f.Changed("read-list") {
		return "live"
	}
	return "decrypt"
}

// plainWord is a word that a shell takes as it is.
var plainWord = regexp.MustCompile(`^[\pL\pN@%+=:,./_` + regexp.QuoteMeta(string(os.PathSeparator)) + `-]+$`)

// maySecret is a word that keys may be in, or behind: -E, or tcpdump's -M, alone or among letters.
var maySecret = regexp.MustCompile(`^-(-esp|[^-]*[EM])`)

// shown is args as they can be shown, and typed: but for what may be secret.
func shown(args []string) string {
	var line []string
	for _, a := range args {
		if maySecret.MatchString(a) {
			line = append(line, "...")
			break
		}
		if !plainWord.MatchString(a) {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		line = append(line, a)
	}
	return strings.Join(line, " ")
}

func help(args []string) error {
	text := usage
	if len(args) > 1 {
		return errors.New("help takes one command")
	}
	if len(args) == 1 {
		if text = commandUsage[args[0]]; text == "" {
			return unknownCommand(args[0])
		}
	}
	out("%s", text)
	return nil
}
