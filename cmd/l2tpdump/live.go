package main

import "context"

func live(ctx context.Context, args []string) int { return badUsage("not yet", "") }
func interfaces(args []string) int                { return badUsage("not yet", "") }
