//go:build !linux

package keysrc

import "errors"

var errNoXFRM = errors.New("xfrm: only a Linux kernel can be asked for its SAs")

// LoadXFRM returns an error: it takes Linux.
func LoadXFRM() (*Store, error) { return nil, errNoXFRM }
