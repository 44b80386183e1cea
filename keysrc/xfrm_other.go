//go:build !linux

package keysrc

import "errors"

var errNoXFRM = errors.New("xfrm: only a Linux kernel can be asked for its SAs")

// DumpXFRM returns an error: it takes Linux.
func DumpXFRM() (*Keys, error) { return nil, errNoXFRM }
