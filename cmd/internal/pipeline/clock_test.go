package pipeline

import "testing"

// TestClock: neither alternating times nor a single wrong one make the clock run, and one that was
// set back goes on.
func TestClock(t *testing.T) {
	const second = int64(1e9)
	for name, c := range map[string]struct {
		time func(i int64) int64
		want int64 // seconds that 10,000 frames take
	}{
		"steady":     {func(i int64) int64 { return i * second / 10 }, 999},
		"two clocks": {func(i int64) int64 { return i*second/10 + i%2*12*second }, 1009},
		"set back":   {func(i int64) int64 { return i*second/10 - i/5000*7200*second }, 974},
		"one wrong":  {func(i int64) int64 { return i*second/10 + max(0, 1-(i-5000)*(i-5000))*1e9*second }, 984},
		"gaps":       {func(i int64) int64 { return i * 60 * second }, 99990},
	} {
		clock := Clock{}
		for i := range int64(10000) {
			clock.Tick(c.time(i))
		}
		if got := (clock.Now - c.time(0)) / second; got != c.want {
			t.Errorf("%s: %d s, want %d", name, got, c.want)
		}
	}
}
