package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"l2tpdump/capture"
	"l2tpdump/capture/filter"
)

// nearest returns the name that was probably meant, "" if none is near: it differs in a letter or
// two, or goes on.
func nearest(typed string, names []string) string {
	best, far := "", 3
	if len(typed) < 5 {
		far = 2
	}
	typed = strings.ToLower(typed)
	for _, name := range names {
		d := distance(typed, name)
		if len(typed) >= 3 && strings.HasPrefix(name, typed) {
			d = 1
		}
		if d < far {
			best, far = name, d
		}
	}
	return best
}

// distance is how many letters are to be put in, left out, changed or swapped with their neighbour
// to make b of a (the optimal string alignment distance).
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		for j := range rows[i] {
			if i == 0 || j == 0 {
				rows[i][j] = i + j
				continue
			}
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}

// didYouMean is a hint that names what was probably meant, else all there is.
func didYouMean(typed, before string, names []string, all string) string {
	if name := nearest(typed, names); name != "" && name != typed {
		return "did you mean " + before + name + "?"
	}
	return all
}

// first is the first of words, "" if there is none.
func first(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return words[0]
}

// takeFiles takes the files in front of words for captures or sources of keys, by their content,
// and says so. It returns the words behind them. A file named like a word of a filter needs a path.
func (o *options) takeFiles(ctx context.Context, words []string) (rest []string, err error) {
	var taken []string
	for len(words) > 0 {
		name := words[0]
		if filter.IsKeyword(name) {
			break
		}
		info, err := os.Stat(name)
		if err != nil && likeFile.MatchString(name) {
			return nil, explainFile(err)
		}
		if err != nil || info.IsDir() && !likeFile.MatchString(name) {
			break
		}
		isCapture, err := capturedIn(ctx, name, info)
		switch {
		case err != nil:
			return nil, err
		case isCapture:
			o.read, taken = append(o.read, name), append(taken, "-r", name)
		default:
			o.keys, taken = append(o.keys, name), append(taken, "-k", name)
		}
		words = words[1:]
	}
	if len(taken) > 0 {
		message("taken for captures (-r) and keys (-k): %s", shown(taken))
	}
	return words, nil
}

// likeFile has words that are names of files where they are not of a filter: that never begins so.
var likeFile = regexp.MustCompile(`^[^\s()\[\]]*[./\\][^\s()\[\]]*$`)

// capturedIn reports whether a file is a capture, by its content. What has no end is none. The
// error is of a file that can be neither a capture nor a source of keys.
func capturedIn(ctx context.Context, name string, info fs.FileInfo) (is bool, err error) {
	switch {
	case !info.Mode().IsRegular():
		return false, nil
	case info.Size() == 0:
		return false, fmt.Errorf("%s is empty", name)
	}
	src, err := capture.OpenContext(ctx, []string{name})
	if err == nil {
		src.Close()
		return true, nil
	}
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, capture.ErrCut) && isBinary(name) {
		return false, explainFile(err)
	}
	return false, nil
}
