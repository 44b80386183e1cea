package output

import (
	"errors"
	"slices"
	"testing"
	"time"
)

// ringNames plays packets into a ring, of seconds and each that many bytes, and returns the file
// that each lies in.
func ringNames(t *testing.T, c RingConfig, seconds []int, bytes int64) []string {
	t.Helper()
	c.Zone = time.UTC
	r, err := NewRing(c)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	var name string
	var size int64
	for i, s := range seconds {
		now := time.Date(2026, 11, 23, 7, 0, s, 0, time.UTC).UnixNano()
		if r.Full(now, size) || i == 0 {
			if name, err = r.Next(); errors.Is(err, ErrRingEnd) {
				return append(names, "end")
			} else if err != nil {
				t.Fatal(err)
			}
			size = 0
		}
		size += bytes
		names = append(names, name)
	}
	return names
}

func TestRing(t *testing.T) {
	even := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	for _, c := range []struct {
		name    string
		config  RingConfig
		seconds []int
		bytes   int64
		want    []string
	}{
		{"size", RingConfig{Name: "a", Size: 25}, even, 10, []string{"a", "a", "a", "a1", "a1", "a1", "a2", "a2", "a2", "a3"}},
		{"size and number", RingConfig{Name: "a", Size: 5, Files: 3}, even[:5], 10, []string{"a0", "a1", "a2", "a0", "a1"}},
		{"leading zeros", RingConfig{Name: "a", Size: 5, Files: 11}, even[:3], 10, []string{"a00", "a01", "a02"}},
		{"one file", RingConfig{Name: "a", Size: 5, Files: 1}, even[:3], 10, []string{"a", "a", "a"}},
		{"time", RingConfig{Name: "a%S", Period: 3 * time.Second}, []int{1, 2, 3, 4, 5, 13, 14, 16}, 10,
			[]string{"a01", "a01", "a01", "a04", "a04", "a13", "a13", "a16"}},
		{"a name without a time", RingConfig{Name: "a", Period: 3 * time.Second}, even, 10,
			[]string{"a", "a", "a", "a1", "a1", "a1", "a2", "a2", "a2", "a3"}},
		{"a name of the hour, with a number", RingConfig{Name: "a%H", Period: 3 * time.Second, Files: 3}, even, 10,
			[]string{"a07", "a07", "a07", "a071", "a071", "a071", "a072", "a072", "a072", "end"}},
		{"a name without a time, and size", RingConfig{Name: "a", Period: 4 * time.Second, Size: 25}, even, 10,
			[]string{"a", "a", "a", "a1", "a2", "a2", "a2", "a3", "a4", "a4"}},
		{"time and number", RingConfig{Name: "a%S", Period: 3 * time.Second, Files: 2}, even, 10,
			[]string{"a00", "a00", "a00", "a03", "a03", "a03", "end"}},
		{"time and size", RingConfig{Name: "a%S", Period: 4 * time.Second, Size: 15}, even, 10,
			[]string{"a00", "a00", "a001", "a001", "a04", "a04", "a041", "a041", "a08", "a08"}},
		{"all three", RingConfig{Name: "a%S-", Period: 4 * time.Second, Size: 5, Files: 2}, even[:6], 10,
			[]string{"a00-0", "a00-1", "a00-0", "a00-1", "a04-0", "a04-1"}},
		{"late packet", RingConfig{Name: "a%S", Period: 3 * time.Second}, []int{0, 4, 1, 5}, 10, []string{"a00", "a03", "a03", "a03"}},
	} {
		if got := ringNames(t, c.config, c.seconds, c.bytes); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestRingCount: a file that is written once more is counted once.
func TestRingCount(t *testing.T) {
	r, err := NewRing(RingConfig{Name: "a", Size: 5, Files: 3})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if over := r.Overwrote(); over != (i > 3) || r.Count() != min(i, 3) {
			t.Errorf("%d begun: %d files, written over: %v", i, r.Count(), over)
		}
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if r.Name() != "a0" {
		t.Errorf("the first is %q", r.Name())
	}
}

func TestRingRefuses(t *testing.T) {
	for _, c := range []RingConfig{{Name: "a"}, {Name: "a%Q", Period: time.Second}, {Name: "a%", Period: time.Second}} {
		if _, err := NewRing(c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
	if _, err := NewRing(RingConfig{Name: "100%", Size: 1}); err != nil {
		t.Errorf("a name is no strftime format without a time: %v", err)
	}
}

func TestStrftime(t *testing.T) {
	at := time.Date(2026, 3, 5, 14, 7, 9, 0, time.FixedZone("JST", 9*3600))
	for format, want := range map[string]string{
		"": "", "a.pcap": "a.pcap", "%%": "%", "%Y%m%d-%H%M%S": "20260305-140709", "%y%j": "26064", "%e|%I%p": " 5|02PM",
		"%a %A %b %h %B": "Thu Thursday Mar Mar March", "%F %T %R %D": "2026-03-05 14:07:09 14:07 03/05/26", "%z %Z": "+0900 JST",
		"%s": "1772687229", "2006-01-02": "2006-01-02",
	} {
		if got, err := strftime(format, at); err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", format, got, err, want)
		}
	}
}
