package yamaha

import "strings"

// logTime finds the time in what stands before a log line's tag: "2019/03/13 22:00:52: ",
// "2019-03-13T22:00:52.123+09:00 host ", "<135>Mar 13 22:00:52 host ". The result is in seconds and
// good for comparing lines of one log only: without a year, December is before January.
func logTime(prefix []byte) (seconds int64, ok bool) {
	for i := len(prefix) - 8; i >= 0; i-- {
		if prefix[i+2] != ':' || prefix[i+5] != ':' {
			continue
		}
		h, ok1 := twoDigits(prefix[i:])
		m, ok2 := twoDigits(prefix[i+3:])
		s, ok3 := twoDigits(prefix[i+6:])
		if !ok1 || !ok2 || !ok3 || h > 23 || m > 59 || s > 60 {
			continue
		}
		return logDay(prefix[:i])*86400 + int64(h*3600+m*60+s), true
	}
	return 0, false
}

// logDay returns a number that grows with the date at the end of prefix, 0 if there is no date.
func logDay(prefix []byte) int64 {
	n := len(prefix)
	if n >= 11 && (prefix[n-4] == '/' || prefix[n-4] == '-') && prefix[n-7] == prefix[n-4] {
		y1, ok1 := twoDigits(prefix[n-11:])
		y2, ok2 := twoDigits(prefix[n-9:])
		m, ok3 := twoDigits(prefix[n-6:])
		d, ok4 := twoDigits(prefix[n-3:])
		if ok1 && ok2 && ok3 && ok4 {
			return int64(y1*100+y2)*372 + int64(m)*31 + int64(d)
		}
	}
	if n >= 7 && prefix[n-1] == ' ' && prefix[n-4] == ' ' {
		const months = "JanFebMarAprMayJunJulAugSepOctNovDec"
		if m := strings.Index(months, string(prefix[n-7:n-4])); m >= 0 && m%3 == 0 {
			day := prefix[n-3 : n-1]
			if day[0] == ' ' {
				return int64(m/3)*31 + int64(day[1]-'0')
			}
			d, _ := twoDigits(day)
			return int64(m/3)*31 + int64(d)
		}
	}
	return 0
}

func twoDigits(b []byte) (int, bool) {
	if b[0] < '0' || b[0] > '9' || b[1] < '0' || b[1] > '9' {
		return 0, false
	}
	return int(b[0]-'0')*10 + int(b[1]-'0'), true
}

const timeLen = len("2019/03/13 22:00:51:")

// BeginsWithTime reports whether a line begins as in "2019/03/13 22:00:51: ".
func BeginsWithTime(text []byte) bool {
	if len(text) < timeLen || text[4] != '/' || text[7] != '/' || text[10] != ' ' ||
		text[13] != ':' || text[16] != ':' || text[19] != ':' {
		return false
	}
	for _, at := range [...]int{0, 2, 5, 8, 11, 14, 17} {
		if _, ok := twoDigits(text[at:]); !ok {
			return false
		}
	}
	return true
}
