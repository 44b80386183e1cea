//go:build !linux

package keysrc

import (
	"context"
	"errors"
)

var errNoXFRM = errors.New("xfrm: only a Linux kernel can be asked for its SAs")

// LoadXFRM returns an error: it takes Linux.
func LoadXFRM() (*Keys, error) { return nil, errNoXFRM }

// An XFRMFollower takes Linux.
type XFRMFollower struct{}

// OpenXFRM returns an error: it takes Linux.
func OpenXFRM() (*XFRMFollower, error) { return nil, errNoXFRM }

// Run returns an error.
func (f *XFRMFollower) Run(ctx context.Context, emit func(*Keys)) error { return errNoXFRM }

// Close does nothing.
func (f *XFRMFollower) Close() error { return nil }
