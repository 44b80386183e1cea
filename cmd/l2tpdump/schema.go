package main

import (
	"slices"
	"strings"

	"l2tpdump/doc/schema"
)

// schemas are the commands whose JSON has a schema; that of decrypt is live's too, and changes is
// that of live --sessions.
var schemas = []string{"decrypt", "changes", "verify", "sessions", "keys", "version"}

// schemaCommand is the command "schema": prints the JSON Schema of what a command prints with
// --json, or lists the commands that have one.
func schemaCommand(args []string) error {
	rest, err := parse(newFlags("schema"), args)
	switch {
	case err != nil:
		return err
	case len(rest) == 0:
		out("%s\n", strings.Join(schemas, "\n"))
		return nil
	case len(rest) > 1 || !slices.Contains(schemas, rest[0]):
		return withHint(didYouMean(first(rest), "schema ", schemas, "that of live is decrypt's, with --sessions it is changes"),
			"schema takes one of %s", strings.Join(schemas, ", "))
	}
	text, err := schema.Files.ReadFile(rest[0] + ".json")
	out("%s", text)
	return err
}
