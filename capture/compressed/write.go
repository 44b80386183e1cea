package compressed

import (
	"compress/gzip"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// OfName returns the format that the end of a file's name stands for, "gzip" or "zstd", and the
// rest of the name; the format is "" if it stands for none.
func OfName(file string) (format, rest string) {
	for _, f := range [...]struct{ end, format string }{{".gz", "gzip"}, {".zst", "zstd"}} {
		if n := len(file) - len(f.end); n > 0 && strings.EqualFold(file[n:], f.end) {
			return f.format, file[:n]
		}
	}
	return "", file
}

// NewWriter compresses what is written to w in a format of OfName. Close finishes the data; it does
// not close w.
func NewWriter(w io.Writer, format string) (io.WriteCloser, error) {
	if format == "zstd" {
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	}
	return gzip.NewWriter(w), nil
}
