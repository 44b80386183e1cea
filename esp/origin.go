package esp

import "strconv"

// Origin is the place in a key source where a value was found. The zero value is no place.
type Origin struct {
	File string // its name; also "xfrm" and the like
	Line int    // from 1; 0: the source has no lines
}

// String returns the place as in "router.log:17", "" for the zero value.
func (o Origin) String() string {
	if o.Line == 0 {
		return o.File
	}
	return o.File + ":" + strconv.Itoa(o.Line)
}

// IsZero reports whether no place is known.
func (o Origin) IsZero() bool { return o == Origin{} }
