package output

import (
	"fmt"
	"strconv"
	"time"
)

// Times is what stands in front of a line, as tcpdump's -t says it by how often it is given.
type Times int

// Times by the number of -t.
const (
	TimeOfDay     Times = iota // with the date, once there is a second day
	NoTime                     // -t
	Seconds                    // -tt: since 1970
	SincePrevious              // -ttt: since the line before
	DateAndTime                // -tttt
	SinceFirst                 // -ttttt: since the first line
)

// clock writes times.
type clock struct {
	style Times
	nano  bool // else microseconds
	zone  *time.Location

	began  bool
	first  int64 // nanoseconds since the Unix epoch; of the line before with SincePrevious
	day    int   // of the first line, in its year
	dated  bool
	second int64 // that text is for
	text   []byte
}

// append appends the time of a line with what divides it from the rest.
func (c *clock) append(b []byte, at int64) []byte {
	if !c.began {
		c.first = at
	}
	switch c.style {
	case NoTime:
	case Seconds:
		second, part := split(at)
		b = append(c.fraction(strconv.AppendInt(b, second, 10), part), ' ')
	case SincePrevious, SinceFirst:
		b = append(c.since(b, at-c.first), ' ')
		if c.style == SincePrevious {
			c.first = at
		}
	default:
		second, part := split(at)
		if second != c.second || !c.began {
			c.tick(second)
		}
		b = append(c.fraction(append(b, c.text...), part), ' ')
	}
	c.began = true
	return b
}

// tick makes the text of a second.
func (c *clock) tick(second int64) {
	t := time.Unix(second, 0).In(c.zone)
	if !c.began {
		c.day = t.YearDay()
	}
	c.dated = c.dated || c.style == DateAndTime || t.YearDay() != c.day
	layout := time.TimeOnly
	if c.dated {
		layout = time.DateTime
	}
	c.second, c.text = second, t.AppendFormat(c.text[:0], layout)
}

// since appends how long after another time it is.
func (c *clock) since(b []byte, after int64) []byte {
	sign := byte(' ')
	if after < 0 {
		sign, after = '-', -after
	}
	second, part := split(after)
	b = fmt.Appendf(append(b, sign), "%02d:%02d:%02d", second/3600, second/60%60, second%60)
	return c.fraction(b, part)
}

// fraction appends nanoseconds as a part of a second.
func (c *clock) fraction(b []byte, part int64) []byte {
	b = append(b, '.')
	last := int64(1000)
	if c.nano {
		last = 1
	}
	for unit := int64(1e8); unit >= last; unit /= 10 {
		b = append(b, byte('0'+part/unit%10))
	}
	return b
}

// split divides nanoseconds into seconds and the rest, which is not negative.
func split(at int64) (second, part int64) {
	second, part = at/1e9, at%1e9
	if part < 0 {
		second, part = second-1, part+1e9
	}
	return second, part
}
