// Package follow reads key sources that grow while the program runs.
package follow
