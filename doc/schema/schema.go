// Package schema holds a JSON Schema (draft 2020-12) for what each command prints with --json:
// decrypt, which is live's too, changes, which is that of live --sessions, verify, sessions, keys
// and version.
package schema

import "embed"

// Files holds a schema for each command: "decrypt.json".
//
//go:embed *.json
var Files embed.FS
