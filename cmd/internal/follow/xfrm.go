package follow

import (
	"context"

	"l2tpdump/keysrc"
)

// xfrm follows the SAs of the running kernel.
type xfrm struct{ f *keysrc.XFRMFollower }

func openXFRM() (Source, error) {
	f, err := keysrc.OpenXFRM()
	if err != nil {
		return nil, err
	}
	return &xfrm{f}, nil
}

func (x *xfrm) Name() string { return keysrc.XFRMName }

func (x *xfrm) Run(ctx context.Context, emit func(*keysrc.Keys)) error { return x.f.Run(ctx, emit) }

func (x *xfrm) Close() error { return x.f.Close() }
