// Package output holds the sinks of the pipeline: the cleartext capture, the text lines and the
// JSON lines. What each prints is an interface that scripts rely on.
package output
