package main

import (
	"os"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// TestLiveIsDocumented: each option is in the help and in the manual page, by its long name and its
// letter.
func TestLiveIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../doc/l2tpdump.1")
	if err != nil {
		t.Fatal(err)
	}
	manual := string(text)
	new(liveOptions).flags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return // refused, or tcpdump's and of no use
		}
		if !strings.Contains(commandUsage["live"], "--"+f.Name) && f.Shorthand != "v" && f.Shorthand != "x" {
			t.Errorf("no --%s in the help", f.Name)
		}
		if f.Shorthand != "" && !strings.Contains(commandUsage["live"], "    -"+f.Shorthand) {
			t.Errorf("no -%s in the help", f.Shorthand)
		}
		if !strings.Contains(manual, "Fl -"+f.Name) && (f.Shorthand == "" || !strings.Contains(manual, ".It Fl "+f.Shorthand)) {
			t.Errorf("neither --%s nor -%s in the manual page", f.Name, f.Shorthand)
		}
	})
	for _, call := range []string{"keyfile", "keysource", "holdtime", "layer", "filter", "all"} {
		if !strings.Contains(commandUsage["extcap"], call) || !strings.Contains(manual, call) {
			t.Errorf("the option %s of extcap is not described", call)
		}
	}
}
