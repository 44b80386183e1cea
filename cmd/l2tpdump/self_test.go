package main

import (
	"os"
	"testing"
)

// asProgram is set in the environment of this test binary to have it be l2tpdump.
const asProgram = "L2TPDUMP_BE_PROGRAM"

func self(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}
