package esp

import (
	"strconv"
	"unique"
)

// Origin is the place in a key source where a value was found. The zero value is no place.
type Origin struct {
	file unique.Handle[string] // there are as many origins as keys, and few files
	Line int                   // from 1; 0: the source has no lines
}

// OriginAt is a line of a file, or of "xfrm" and the like; a line of 0 is that of a source without
// lines.
func OriginAt(file string, line int) Origin {
	if file == "" {
		return Origin{Line: line}
	}
	return Origin{unique.Make(file), line}
}

// File returns the name of the file.
func (o Origin) File() string {
	if o.file == (unique.Handle[string]{}) {
		return ""
	}
	return o.file.Value()
}

// String returns the place as in "router.log:17", "" for the zero value.
func (o Origin) String() string {
	if o.Line == 0 {
		return o.File()
	}
	return o.File() + ":" + strconv.Itoa(o.Line)
}

// IsZero reports whether no place is known.
func (o Origin) IsZero() bool { return o == Origin{} }
