//go:build !unix

package main

import "os"

// notifySummary does nothing: no signal asks for a summary here.
func notifySummary(chan<- os.Signal) {}
