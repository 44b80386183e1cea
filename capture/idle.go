package capture

import "errors"

// ErrIdle is returned by Next of a live source when no packet has come for a short while.
// It is no failure: Next may be called again.
var ErrIdle = errors.New("no packet yet")
