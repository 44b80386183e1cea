//go:build !linux

package keysrc

import (
	"context"
	"errors"
)

var errNoXFRM = errors.New("xfrm: only a Linux kernel can be asked for its SAs")

// DumpXFRM returns an error: it takes Linux.
func DumpXFRM() (*Keys, error) { return nil, errNoXFRM }

// FollowXFRM returns an error: it takes Linux.
func FollowXFRM(ctx context.Context, emit func(*Keys)) error { return errNoXFRM }
