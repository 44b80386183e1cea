package sessions_test

import (
	"encoding/binary"
	"encoding/json"
	"flag"
	"io"
	"runtime"
	"slices"
	"testing"
	"time"

	"l2tpdump/capture"
	"l2tpdump/cmd/internal/pipeline"
	"l2tpdump/cmd/internal/sessions"
	"l2tpdump/keysrc"
)

var soakPackets = flag.Int("soak-packets", 60_000, "packets of TestMonitorSoak; from 400 000 on with 10 000 rekeys")

// day is a source: a connection that carries packets and has its keys renewed, again and again, and
// loses a tenth of the client's packets now and then. Each key comes as it is agreed on.
type day struct {
	t        *testing.T
	s        *story
	rest     []byte // frames of the story that were not read yet
	packets  int    // of the user, in all
	perRekey int
	n        int
	rekeys   int
	lossy    int // times
	keys     chan *keysrc.Keys
	each     func() // is called at each tenth
}

func (d *day) Interfaces() []capture.Interface {
	return []capture.Interface{{LinkType: capture.Ethernet, Resolution: 1e6}}
}

func (d *day) Close() error { return nil }

func (d *day) Next(p *capture.Packet) error {
	const head = 16
	for len(d.rest) == 0 {
		if d.n == d.packets {
			return io.EOF
		}
		d.s.pcap.Reset()
		d.tell()
		d.rest = d.s.pcap.Bytes()
	}
	length := int(binary.LittleEndian.Uint32(d.rest[8:]))
	*p = capture.Packet{Time: int64(binary.LittleEndian.Uint32(d.rest))*1e9 + int64(binary.LittleEndian.Uint32(d.rest[4:]))*1e3,
		Length: length, Data: d.rest[head : head+length]}
	d.rest = d.rest[head+length:]
	return nil
}

// tell goes on with the story.
func (d *day) tell() {
	if d.n%(d.packets/10) == 0 {
		d.each()
	}
	switch {
	case d.n == 0:
		d.s.connected()
		d.give()
	case d.n%d.perRekey == 0:
		d.rekeys++
		d.s.quick(1701)
		clear(d.s.ivs)
		d.give()
	}
	from := d.n & 1
	if at := d.n % 20_000 / 1000; at == 10 && d.n%20 == 0 {
		d.s.sas[from].seq++
		if d.n%1000 == 0 {
			d.lossy++
		}
	}
	d.s.user(from, outerHost, 17, udp(5000, 5000, make([]byte, 200)))
	d.n++
}

// give gives the keys that came last.
func (d *day) give() {
	for _, table := range d.s.tables {
		if table.Len() == 0 {
			continue
		}
		k, err := keysrc.Parse(table, "table", "")
		if err != nil {
			d.t.Fatal(err)
		}
		table.Reset()
		d.keys <- k
	}
}

// timed is a Monitor that knows what time it is.
type timed struct {
	*sessions.Monitor
	now int64
}

func (m *timed) Record(r *pipeline.Record) error {
	m.now = r.Packet.Time
	return m.Monitor.Record(r)
}

// heapInUse is what is in use once the garbage is gone, in bytes.
func heapInUse() int64 {
	runtime.GC()
	runtime.GC() // also of what pools had
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestMonitorSoak: however long a Monitor runs, its memory is that of what goes on, and so is all
// memory in use once as many keys are kept as may be, behind 5000 rekeys; each change is told
// within a second, and the session that is over is the same as without a Monitor.
func TestMonitorSoak(t *testing.T) {
	const rekeys, fewest = 10_000, 40 // packets, in which a Monitor looks once at least
	perRekey := max(fewest, *soakPackets/rekeys)
	early, _ := watchDay(t, *soakPackets/2, perRekey)
	late, heap := watchDay(t, *soakPackets, perRekey)
	const room, roomOfTenth = 64 << 10, 200 << 10
	if late > early+room {
		t.Errorf("a Monitor has %d bytes after half of the time, and then %d", early, late)
	}
	if *soakPackets/perRekey < rekeys {
		return
	}
	var grown []int64 // bytes, in each tenth of the second half
	half := heap[len(heap)/2:]
	for i, n := range half[1:] {
		grown = append(grown, n-half[i])
	}
	slices.Sort(grown)
	if grown[len(grown)/2] > roomOfTenth { // of one tenth it may be more, where the pipeline makes a batch more
		t.Errorf("bytes that are in use in the second half of the time: %d", half)
	}
}

// watchDay monitors a long day, and returns how many bytes the Monitor has at its end, and how many
// are in use in all, ten times.
func watchDay(t *testing.T, packets, perRekey int) (size int64, heap []int64) {
	d := &day{t: t, s: newStory("day"), packets: packets, perRekey: perRekey, keys: make(chan *keysrc.Keys, 8),
		each: func() { heap = append(heap, heapInUse()) }}
	kinds := make(map[string]int)
	spis, last := 0, ""
	var over, same []byte
	m := new(timed)
	m.Monitor = sessions.NewMonitor(func(c *sessions.Change) (err error) {
		if kinds[c.Kind]++; c.Session != nil {
			over, err = json.Marshal(c.Session)
		} else if late := m.now - int64(c.Time); late > int64(time.Second) {
			t.Errorf("told after %v: %s", time.Duration(late), c.Text)
		}
		if c.Kind == "rekeyed" && c.Text != last {
			spis, last = spis+1, c.Text
		}
		return err
	})
	g := sessions.NewGatherer(func(s *sessions.Session) (err error) {
		same, err = json.Marshal(s.Facts())
		return err
	})
	m.KeepDetails()
	g.KeepDetails()
	p := pipeline.New(pipeline.Config{Source: d, Keys: d.keys, Live: true})
	watch := &watcher{m: m.Monitor, look: func(int64, []sessions.Standing) {}}
	for _, sink := range []pipeline.Sink{g, m, watch} {
		p.AddSink(sink)
	}
	finish(t, p, m, g)
	if kinds["up"] != 1 || kinds["over"] != 1 || kinds["failed"] != 0 || kinds["rekeyed"] != d.rekeys || spis != d.rekeys ||
		kinds["loss"] < d.lossy || kinds["loss"] > 4*d.lossy {
		t.Errorf("%d rekeys of %d names, losses %d times: %v", d.rekeys, spis, d.lossy, kinds)
	}
	if !slices.Equal(over, same) {
		t.Errorf("the Monitor says\n%s\nand the Gatherer\n%s", over, same)
	}
	with := heapInUse()
	runtime.KeepAlive(m)
	*m, watch.m = timed{}, nil
	size = with - heapInUse()
	runtime.KeepAlive(p)
	runtime.KeepAlive(g)
	t.Logf("%v; heap in use after each tenth: %d; of the Monitor: %d", kinds, heap, size)
	return size, heap
}
