package capture

// SecretsSource is implemented by what Open returns and by *Reader.
type SecretsSource interface {
	OnSecrets(f func(kind uint32, data []byte))
}

// ProgressSource is implemented by what Open returns. Progress gives the bytes read from files so far and the
// size of all files, 0 if it is unknown (a pipe). It may be called while another goroutine reads.
type ProgressSource interface {
	Progress() (done, total int64)
}

// Open opens files as one capture; "-" is standard input.
func Open(paths []string) (Source, error) { return &Reader{}, nil }
