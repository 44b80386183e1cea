package l2tp

import "testing"

func TestWindow(t *testing.T) {
	type step struct {
		number, missing uint32
		want            Order
	}
	for _, c := range []struct {
		name  string
		mask  uint32
		steps []step
		total Numbering
	}{
		{"in order over the end of the numbers", 0xffff, []step{{0xfffe, 0, InOrder}, {0xffff, 0, InOrder}, {0, 0, InOrder}}, Numbering{Messages: 3}},
		{"a gap, filled late, then again", 0xffff, []step{{7, 0, InOrder}, {10, 2, Ahead}, {8, 0, Late}, {8, 0, Repeated}, {10, 0, Repeated}, {11, 0, InOrder}},
			Numbering{Messages: 6, Missing: 1, Late: 1, Repeated: 2}},
		{"24 bits", maskSublayer, []step{{0xffffff, 0, InOrder}, {1, 1, Ahead}, {0, 0, Late}}, Numbering{Messages: 3, Late: 1}},
		{"one stray number, and a new beginning", 0xffff, []step{{5, 0, InOrder}, {30000, 0, Late}, {6, 0, InOrder}, {40000, 0, Late}, {40001, 0, InOrder}, {40002, 0, InOrder}},
			Numbering{Messages: 6, Late: 2}},
	} {
		var w window
		var n Numbering
		for i, s := range c.steps {
			order, missing := w.take(s.number, c.mask)
			if n.count(order, missing); order != s.want || missing != s.missing {
				t.Errorf("%s, step %d: %q, %d missing; want %q, %d", c.name, i, order, missing, s.want, s.missing)
			}
		}
		if n != c.total {
			t.Errorf("%s: %+v, want %+v", c.name, n, c.total)
		}
	}
}

func TestRetransmissions(t *testing.T) {
	tr := NewTracker(nil)
	look := func(data []byte) *Control {
		var h Header
		if err := h.Decode(data); err != nil {
			t.Fatal(err)
		}
		return observation(tr, client, server, &h, data).Control
	}
	request := control(0, 0, 0, 0, message(SCCRQ), id(avpAssignedTunnel, 21))
	for i, c := range []struct {
		data []byte
		want bool
	}{
		{request, false}, {request, true},
		{control(9, 0, 1, 1, message(SCCCN)), false}, {control(9, 0, 1, 1, message(SCCCN)), true},
		{control(9, 0, 2, 1), false}, {control(9, 0, 2, 2), false}, // ZLBs have the number of the next message
		{control(9, 0, 3, 2, message(Hello)), false}, {control(9, 0, 2, 2, message(Hello)), false}, // overtaken
		{control(9, 0, 3, 3, message(Hello)), true},
		{control(9, 0, 3, 3, message(StopCCN)), false}, // with the same number, and another message
	} {
		// The peer's own ID is learnt from its answer.
		if i == 2 {
			observe(t, tr, server, client, control(21, 0, 0, 1, message(SCCRP), id(avpAssignedTunnel, 9)))
		}
		if got := look(c.data).Retransmission; got != c.want {
			t.Errorf("message %d: retransmission %v", i, got)
		}
	}
}
