//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// notifySummary has the signal that asks for the summary so far sent to c.
func notifySummary(c chan<- os.Signal) { signal.Notify(c, syscall.SIGUSR1) }
