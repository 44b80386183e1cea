package page

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"l2tpdump/cmd/internal/ladder"
	"l2tpdump/cmd/internal/sessions"
)

// The drawing of the traffic: a bar up for what the client sent, one down for the server, in the
// units of its view box.
const (
	chartWidth = 1200
	chartHalf  = 100 // height of each direction
	lossHeight = 10  // of a mark at the edge
)

// chart is the traffic of a session over time.
type chart struct {
	Of            string // what the bytes are of
	Width, Height int
	Middle        int
	Client        string // path of the bars
	Server        string
	Losses        []bar
	Rekeys        []bar
	Peak          string // of a bar, as a person reads it
	Begin, End    string // of the axis
	Sent          [2]uint64
	Lost          [2]uint64
	Renewals      uint64
}

// bar is a mark in a chart.
type bar struct {
	X, Y, Width int
	Title       string
}

// newChart draws the traffic of a session; nil: there was none.
func newChart(s *sessions.Facts) *chart {
	t := s.Traffic
	if t == nil {
		return nil
	}
	c := &chart{Width: chartWidth, Height: 2 * chartHalf, Middle: chartHalf,
		Of: "IP packets of the users"}
	if t.Of == "esp" {
		c.Of = "ESP packets; none of the users' packets was read"
	}
	n := len(t.OrigBytes)
	peak := max(slices.Max(t.OrigBytes), slices.Max(t.RespBytes), 1)
	c.Client = bars(t.OrigBytes, peak, -1)
	c.Server = bars(t.RespBytes, peak, 1)
	c.Peak = fmt.Sprintf("%s in %s", volume(peak), seconds(t.Interval.Seconds()))
	begin := (t.Time - s.Time).Seconds()
	c.Begin, c.End = seconds(begin), seconds(begin+t.Interval.Seconds()*float64(n))
	for i := range n {
		c.Sent[0] += t.OrigBytes[i]
		c.Sent[1] += t.RespBytes[i]
		at := seconds(begin + t.Interval.Seconds()*float64(i))
		for side, lost := range [2][]uint64{t.OrigLost, t.RespLost} {
			if lost != nil && lost[i] > 0 {
				title := fmt.Sprintf("%s: %d ESP packets of the %s lost", at, lost[i], ladder.Sides[side])
				c.Losses = append(c.Losses, mark(i, n, side*(2*chartHalf-lossHeight), title))
				c.Lost[side] += lost[i]
			}
		}
		if t.Rekeys != nil && t.Rekeys[i] > 0 {
			c.Rekeys = append(c.Rekeys, mark(i, n, 0, at+": new keys"))
			c.Renewals += t.Rekeys[i]
		}
	}
	return c
}

func mark(i, n, y int, title string) bar {
	x, next := i*chartWidth/n, (i+1)*chartWidth/n
	return bar{x, y, max(2, next-x), title}
}

// bars is the path of bars from the middle up or down.
func bars(values []uint64, peak uint64, direction int) string {
	var b strings.Builder
	n := len(values)
	for i, v := range values {
		height := int(float64(v) / float64(peak) * (chartHalf - lossHeight - 2))
		if v > 0 {
			height = max(height, 2)
		}
		if height == 0 {
			continue
		}
		x, next := i*chartWidth/n, (i+1)*chartWidth/n
		w := max(1, next-x-1)
		fmt.Fprintf(&b, "M%d %dv%dh%dv%dz", x, chartHalf, direction*height, w, -direction*height)
	}
	return b.String()
}

// seconds prints a span of time as short as it can be read.
func seconds(t float64) string {
	switch {
	case t >= 86400:
		return fmt.Sprintf("%.1f days", t/86400)
	case t >= 7200:
		return fmt.Sprintf("%.1f h", t/3600)
	case t >= 600:
		return fmt.Sprintf("%.1f min", t/60)
	case t >= 10:
		return fmt.Sprintf("%.1f s", t)
	}
	return strconv.FormatFloat(math.Round(t*1e3)/1e3, 'f', -1, 64) + " s"
}

// volume prints bytes as short as they can be read.
func volume(n uint64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return strconv.FormatUint(n, 10) + " B"
}

// grouped prints a number with its thousands apart.
func grouped(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
