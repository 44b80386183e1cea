package main

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"l2tpdump/cmd/internal/cells"
	"l2tpdump/cmd/internal/sessions"
	"l2tpdump/l2tp/printable"
)

// standing is a session that is up, the n-th of many.
func standing(n int, now time.Time) sessions.Standing {
	return sessions.Standing{State: sessions.Up, Headline: "up", Client: netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, byte(n >> 8), byte(n)}), 4500),
		User: printable.NewText(fmt.Appendf(nil, "user%d", n)), Last: now.UnixNano(), Up: now.Add(-2*time.Hour - 3*time.Minute).UnixNano(),
		Rates: [2]uint64{uint64(1000 * n), uint64(2_000_000 * n)}, Packets: 1000, Lost: 21, Expires: now.Add(48*time.Minute + 5*time.Second).UnixNano(), Keys: "ESP"}
}

func failed(n int, now time.Time) sessions.Standing {
	s := standing(n, now)
	s.State, s.Headline, s.Cause, s.Up, s.Rates = sessions.Failed, "FAILED at the login", fmt.Sprintf("the reason of %d", n), 0, [2]uint64{}
	return s
}

// TestTable: what the table says of a session, with all room and with that of 80 columns.
func TestTable(t *testing.T) {
	now := time.Date(2026, 11, 27, 14, 32, 5, 0, time.UTC)
	sealed := standing(3, now)
	sealed.Sealed, sealed.User, sealed.Expires, sealed.Up = true, "", now.Add(-time.Second).UnixNano(), 0
	table := sessionTable{title: "eth0, 7 frames", now: now, more: "…", news: []string{"what happened"},
		sessions: []sessions.Standing{failed(1, now), standing(2, now), sealed}}
	for width, want := range map[int]string{
		100: `14:32:05 eth0, 7 frames; 2 up; 1 FAILED
state                user   client           sends   gets  loss  up for      keys
FAILED at the login  user1  198.51.0.1:4500      -      -  2.1%       -   ESP 48m
   the reason of 1
up                   -      198.51.0.3:4500  ~3.0k  ~6.0M  2.1%       -  ESP over
up                   user2  198.51.0.2:4500   2.0k   4.0M  2.1%   2h03m   ESP 48m

what happened
` + tableHelp,
		67: `14:32:05 eth0, 7 frames; 2 up; 1 FAILED
state       user   client      sends   gets  loss  up for      keys
FAILED at…  user1  198.51.0.1      -      -  2.1%       -   ESP 48m
   the reason of 1
up          -      198.51.0.3  ~3.0k  ~6.0M  2.1%       -  ESP over
up          user2  198.51.0.2   2.0k   4.0M  2.1%   2h03m   ESP 48m

what happened
q ends. In 5 s: bit/s of users' packets (~ of ESP), loss of ESP. K…`,
	} {
		if got := strings.Join(table.lines(width, 9), "\n"); got != want {
			t.Errorf("%d columns:\n%s\nnot\n%s", width, got, want)
		}
	}
}

// TestTableFits: no line is wider than the terminal and there are no more than it has, whatever the
// names; who is in trouble comes first and leaves room for others, and all are counted.
func TestTableFits(t *testing.T) {
	now := time.Now()
	hostile := standing(1, now)
	hostile.User = printable.NewText([]byte("\x1b[2J\u202e日本語\r\n" + strings.Repeat("x", 10_000)))
	hostile.Cause, hostile.State, hostile.Headline = "\x1b]0;title\x07"+strings.Repeat("日本 ", 1000), sessions.Lost, "LOST"
	for good := 0; good < 40; good += 3 {
		for bad := 0; bad < 30; bad += 4 {
			list := []sessions.Standing{hostile}
			for n := range good {
				list = append(list, standing(n, now))
			}
			for n := range bad {
				list = append(list, failed(n, now))
			}
			for _, size := range [][2]int{{80, 24}, {132, 50}, {60, 10}, {1, 1}, {20, 3}} {
				table := sessionTable{title: "eth0", now: now, sessions: list, more: "…", news: []string{"日本 news", strings.Repeat("y", 200)}}
				checkTable(t, &table, size[0], size[1], len(list))
			}
		}
	}
}

func checkTable(t *testing.T, table *sessionTable, width, height, count int) {
	t.Helper()
	lines := table.lines(width, height)
	if len(lines) != height {
		t.Fatalf("%d lines of %d", len(lines), height)
	}
	up, bad, more := 0, 0, 0
	for _, line := range lines {
		if cells.Width(line) > width || visible(line) != line {
			t.Fatalf("%d columns: %q", width, line)
		}
		switch {
		case strings.HasPrefix(line, "up"):
			up++
		case strings.HasPrefix(line, "FAIL"), strings.HasPrefix(line, "LOST"):
			if bad++; up > 0 {
				t.Fatalf("one in trouble below others:\n%s", strings.Join(lines, "\n"))
			}
		case strings.HasPrefix(line, "and "):
			fmt.Sscanf(line, "and %d more", &more)
		}
	}
	if width >= 60 && up+bad+more != count {
		t.Fatalf("%d up, %d in trouble and %d more, of %d:\n%s", up, bad, more, count, strings.Join(lines, "\n"))
	}
	if height >= 24 && more > 0 && up == 0 && len(table.sessions) > 40 {
		t.Fatalf("no room for who is up:\n%s", strings.Join(lines, "\n"))
	}
}

// TestTexts: numbers as they stand in the table.
func TestTexts(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1.0k", 13_400_000: "13.4M", 134_000_000: "134M", 2_500_000_000: "2.5G", 3e12: "3000G"} {
		if got := rateText(n); got != want {
			t.Errorf("%d: %s, not %s", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{-time.Second: "0s", 59 * time.Second: "59s", 61 * time.Second: "1m01s",
		2*time.Hour + 3*time.Minute + 59*time.Second: "2h03m", 51 * time.Hour: "2d03h"} {
		if got := spanText(int64(d)); got != want {
			t.Errorf("%v: %s, not %s", d, got, want)
		}
	}
}
