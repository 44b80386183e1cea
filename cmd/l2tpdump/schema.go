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
func schemaCommand(args []string) int {
	rest, status, ok := parse(newFlags("schema"), args)
	switch {
	case !ok:
		return status
	case len(rest) == 0:
		out("%s\n", strings.Join(schemas, "\n"))
		return exitOK
	case len(rest) > 1 || !slices.Contains(schemas, rest[0]):
		return badUsage("schema takes one of "+strings.Join(schemas, ", "),
			didYouMean(first(rest), "schema ", schemas, "that of live is decrypt's, with --sessions it is changes"))
	}
	text, err := schema.Files.ReadFile(rest[0] + ".json")
	if err != nil {
		return fail(err)
	}
	out("%s", text)
	return exitOK
}
