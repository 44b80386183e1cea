package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// obeysColor asks the console to obey colors; those before Windows 10 can't.
func obeysColor(f *os.File) bool {
	console := windows.Handle(f.Fd())
	var mode uint32
	if windows.GetConsoleMode(console, &mode) != nil {
		return false
	}
	return windows.SetConsoleMode(console, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
