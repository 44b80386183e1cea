package output

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ErrRingEnd is returned when a ring that is limited in time has written all of its files.
var ErrRingEnd = errors.New("all files of the ring are written")

// RingConfig says when a capture goes on in another file, as tcpdump's -C, -G and -W do.
type RingConfig struct {
	Name   string        // of the first file; with Period set it may hold conversions of strftime(3)
	Size   int64         // bytes after which another file begins, 0: no limit
	Period time.Duration // of capture time after which another file begins, 0: no limit
	Zone   *time.Location

	// Files is, with Size, how many there are before the first is written again; with Period alone,
	// how many are written. 0: no limit.
	Files int
}

// Ring names the files of a capture that goes on in one after the other.
type Ring struct {
	c       RingConfig
	digits  int
	started bool
	ended   bool
	now     int64 // time of the packet at hand
	begin   int64 // of the period, nanoseconds since the Unix epoch
	periods int
	number  int // of the file in its period
	count   int
	again   bool // the files of this period are written once more
	over    bool // some were
}

// NewRing checks c.
func NewRing(c RingConfig) (*Ring, error) {
	if c.Size <= 0 && c.Period <= 0 {
		return nil, errors.New("a ring needs a size or a time")
	}
	if c.Period > 0 {
		if _, err := strftime(c.Name, time.Unix(0, 0).UTC()); err != nil {
			return nil, err
		}
	}
	r := &Ring{c: c}
	if c.Size > 0 && c.Files > 1 {
		r.digits = len(strconv.Itoa(c.Files - 1))
	}
	return r, nil
}

// Full reports whether a packet of that time (nanoseconds since the Unix epoch) has to begin
// another file, when the current one has size bytes.
func (r *Ring) Full(time, size int64) bool {
	r.now = time
	return r.started && (r.overdue() || r.c.Size > 0 && size > r.c.Size)
}

func (r *Ring) overdue() bool { return r.c.Period > 0 && r.now-r.begin >= int64(r.c.Period) }

// Next returns the name of the file that begins with the packet that Full was asked about, or now.
// The error is ErrRingEnd after the last one.
func (r *Ring) Next() (string, error) {
	switch {
	case !r.started:
		if r.now == 0 {
			r.now = time.Now().UnixNano()
		}
		r.started, r.begin = true, r.now
	case r.overdue():
		r.periods++
		if r.c.Size <= 0 && r.c.Files > 0 && r.periods >= r.c.Files {
			r.ended = true
			return "", ErrRingEnd
		}
		before, _ := strftime(r.c.Name, r.time()) // NewRing has tried it
		r.begin += (r.now - r.begin) / int64(r.c.Period) * int64(r.c.Period)
		if name, _ := strftime(r.c.Name, r.time()); name != before {
			r.number, r.again = 0, false
			break
		}
		fallthrough // a name that tells no such time: nothing is written over
	default:
		r.number++
		if r.c.Size > 0 && r.c.Files > 0 && r.number >= r.c.Files {
			r.number, r.again, r.over = 0, true, true
		}
	}
	if !r.again {
		r.count++
	}
	return r.name()
}

// time is when the period began.
func (r *Ring) time() time.Time { return time.Unix(0, r.begin).In(r.c.Zone) }

// Ended reports whether there was a packet for a file behind the last one.
func (r *Ring) Ended() bool { return r.ended }

// Overwrote reports whether packets are lost, as their file was written once more.
func (r *Ring) Overwrote() bool { return r.over }

// Count is how many files there are.
func (r *Ring) Count() int { return r.count }

// Name is that of the first file, times as in the format.
func (r *Ring) Name() string { return r.numbered(r.c.Name, 0) }

func (r *Ring) name() (string, error) {
	name := r.c.Name
	if r.c.Period > 0 {
		var err error
		if name, err = strftime(name, r.time()); err != nil {
			return "", err
		}
	}
	return r.numbered(name, r.number), nil
}

func (r *Ring) numbered(name string, number int) string {
	if number == 0 && r.digits == 0 {
		return name
	}
	return fmt.Sprintf("%s%0*d", name, r.digits, number)
}

// strftimeLayouts are the conversions of strftime(3) as Go layouts.
var strftimeLayouts = map[byte]string{
	'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'e': "_2", 'H': "15", 'I': "03", 'M': "04", 'S': "05", 'p': "PM",
	'j': "002", 'a': "Mon", 'A': "Monday", 'b': "Jan", 'h': "Jan", 'B': "January", 'Z': "MST", 'z': "-0700",
	'F': "2006-01-02", 'T': "15:04:05", 'R': "15:04", 'D': "01/02/06",
}

// strftime formats t as strftime(3) does in the C locale.
func strftime(format string, t time.Time) (string, error) {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			b.WriteByte(format[i])
			continue
		}
		i++
		if i == len(format) {
			return "", fmt.Errorf("%q ends within a conversion of strftime", format)
		}
		switch c := format[i]; c {
		case '%':
			b.WriteByte('%')
		case 's':
			b.WriteString(strconv.FormatInt(t.Unix(), 10))
		default:
			layout, ok := strftimeLayouts[c]
			if !ok {
				return "", fmt.Errorf("%q: %%%c is no conversion of strftime that is known here", format, c)
			}
			b.WriteString(t.Format(layout))
		}
	}
	return b.String(), nil
}
