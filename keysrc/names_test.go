package keysrc

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestUnknownNames reads exports whose column or member with the message has no name that is known,
// and Elasticsearch's hits that have it in fields alone.
func TestUnknownNames(t *testing.T) {
	names, texts := wrappable(t)
	for i, text := range texts {
		switch {
		case strings.HasPrefix(names[i], "mikrotik/"), // of which a line goes on in the next
			strings.Contains(names[i], "charon-systemd"), strings.Contains(names[i], "isakmpd"): // and lines before the first have no sign
			continue
		}
		text = strings.TrimRight(text, "\n")
		k, err := Parse(strings.NewReader(text+"\n"), "x", "")
		if err != nil {
			t.Fatal(names[i], err)
		}
		want, _ := foundIn(k)
		for what, wrap := range map[string]func([]string) string{
			"JSON": lineByLine(func(i int, l string) string {
				return fmt.Sprintf(`{"id":"%d","when":"%s","payload":%s,"node":"gw"}`, i, stamp(i), quoteJSON(l))
			}),
			"CSV": lineByLine(func(i int, l string) string { return fmt.Sprintf(`"%d",%s,"gw-1.example","ok"`, i, csvQuote(l)) }),
			"hits": func(lines []string) string {
				hits := []any{}
				for i, l := range lines {
					hits = append(hits, map[string]any{"_index": "logs", "_score": nil, "sort": []int{i},
						"fields": map[string]any{"message": []string{l}, "@timestamp": []string{stamp(i)}}})
				}
				b, _ := json.MarshalIndent(map[string]any{"took": 3, "hits": map[string]any{"hits": hits}}, "", "  ")
				return string(b) + "\n"
			},
		} {
			k, err := Parse(strings.NewReader(wrap(strings.Split(text, "\n"))), "x", "")
			if got, _ := foundIn(k); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s, %s: got\n%s\nwant\n%s\n%v, %.200v", names[i], what, strings.Join(got, "\n"), strings.Join(want, "\n"), k.Notes, err)
			}
		}
	}
}
