package main

import "context"

// keys is the command "keys": lists what key sources hold, and writes it as Wireshark's tables.
func keys(ctx context.Context, args []string) int { return badUsage("not yet", "") }
