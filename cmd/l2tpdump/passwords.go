package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/sessions"
	"l2tpdump/l2tp"
	"l2tpdump/l2tp/ppp"
)

// readSecrets reads the files of --ppp-secrets and of --l2tp-secret-file.
func (o *options) readSecrets(ctx context.Context) (c pipeline.Config, err error) {
	defer exitAt(ctx)()
	if c.Passwords, err = readSecretFile(o.secrets, ppp.ReadSecrets); err != nil {
		return c, err
	}
	c.TunnelSecrets, err = readSecretFile(o.tunnels, l2tp.ReadSecrets)
	return c, err
}

// readSecretFile reads a file of secrets, nil if there is none.
func readSecretFile[T any](name string, read func(io.Reader, string) (T, error)) (none T, err error) {
	if name == "" {
		return none, nil
	}
	defer tellWaiting(name)()
	if err := refuseDevice(name); err != nil {
		return none, err
	}
	f, err := os.Open(name)
	if err != nil {
		return none, explainFile(err)
	}
	defer f.Close()
	return read(f, name)
}

// preSharedKeys reads the file of --psk-file, nil if there is none.
func (o *options) preSharedKeys(ctx context.Context) ([]sessions.PSK, error) {
	defer exitAt(ctx)()
	return readSecretFile(o.psk, sessions.ReadPSKs)
}

// tellSecrets says what there is to say of the secrets that were given, and of those that are
// needed, and reports whether one is wrong.
func (o *options) tellSecrets(p *pipeline.Pipeline) (wrong bool) {
	var problems []string
	if o.secrets != "" {
		problems = pppProblems(p.PPP(), o.secrets)
	}
	if !o.quiet {
		listed(tunnelFindings(p.Tunnels()))
		listed(problems)
	}
	return wrongTunnelSecret(p.Tunnels()) || len(problems) > 0 && pppFailed(p.PPP())
}

// pppFailed reports whether packets could not be read, or a password is wrong.
func pppFailed(findings map[ppp.Finding]uint64) bool {
	for f := range findings {
		if f.State != ppp.Plain || f.Proof != ppp.ProofHashed {
			return true
		}
	}
	return false
}

// pppProblems says of each user whose packets PPP encrypts or compresses and could not be read, or
// whose password is wrong or can't be checked, what is to be done. file is that of --ppp-secrets,
// or "".
func pppProblems(findings map[ppp.Finding]uint64, file string) []string {
	var lines []string
	for f, n := range findings {
		line := "PPP"
		if f.User != "" {
			line += " user " + quote(f.User)
		}
		switch f.State {
		case ppp.NoKey:
			line += ": " + plural(n, "frame") + " encrypted and not decrypted: " + passwordReason(f, file)
		case ppp.Unknown:
			line += ": " + plural(n, "frame") + " not expanded: " + unknownReason(f)
		default:
			encrypted := f
			encrypted.State, encrypted.Compression = ppp.NoKey, "mppe"
			if _, said := findings[encrypted]; said {
				continue
			}
			line += ": " + passwordReason(f, file)
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

func passwordReason(f ppp.Finding, file string) string {
	switch {
	case f.Proof == ppp.ProofNone:
		return "how the user logged in with MS-CHAP is not in the capture: capture from the start of the connection"
	case f.Proof == ppp.ProofWrong:
		return fmt.Sprintf("wrong password (%s): the response in the traffic was made with another", f.Place)
	case f.Proof == ppp.ProofHashed:
		return fmt.Sprintf("the NT hash (%s) can't be checked: the user logged in with CHAP and not MS-CHAP, for which the password itself is needed", f.Place)
	case f.Proof == ppp.ProofRight:
		return fmt.Sprintf("the password is right (%s), but no key of this kind follows from it", f.Place)
	case file == "":
		return "the password is needed: name a file with --ppp-secrets"
	}
	return file + " has no password of this user"
}

func unknownReason(f ppp.Finding) string {
	if f.Compression != "" {
		return "compressed with " + f.Compression + ", which can't be expanded"
	}
	return "with what they are compressed or encrypted is not in the capture: capture from the start of the connection"
}

// tunnelFindings says of the secrets of L2TP tunnels which is right, or that none is, or that one
// is needed.
func tunnelFindings(findings map[l2tp.Finding]uint64) []string {
	var lines []string
	for f, n := range findings {
		line := fmt.Sprintf("L2TP tunnel: %v of %s", f.Made, plural(n, "message"))
		if f.Host != "" {
			line += " of " + quote(f.Host)
		}
		switch f.Proof {
		case l2tp.Right:
			line += ": the secret is right (" + f.Place + ")"
		case l2tp.Wrong:
			line += ": wrong secret (" + f.Place + "): made with another"
		case l2tp.Unchecked:
			line += ": cannot be checked: the beginning of the tunnel is not in the capture"
		default:
			line += ": the tunnel's secret is needed: name a file with --l2tp-secret-file"
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

// wrongTunnelSecret reports whether a message was made with a secret that is not known.
func wrongTunnelSecret(findings map[l2tp.Finding]uint64) bool {
	for f := range findings {
		if f.Proof == l2tp.Wrong {
			return true
		}
	}
	return false
}
