//go:build !amd64 || purego

package lanes

func levels() map[string]kernels { return map[string]kernels{"standard": {}} }
