package l2tp

// list is a list of elements that hold their own places in it. The zero value is empty.
type list[T any] struct {
	front, back *node[T]
	n           int
}

// node is the place of an element.
type node[T any] struct {
	prev, next *node[T]
	of         *T // nil: it is in no list
}

func (l *list[T]) pushBack(n *node[T], of *T) {
	*n = node[T]{prev: l.back, of: of}
	if l.back == nil {
		l.front = n
	} else {
		l.back.next = n
	}
	l.back = n
	l.n++
}

func (l *list[T]) remove(n *node[T]) {
	if n.prev == nil {
		l.front = n.next
	} else {
		n.prev.next = n.next
	}
	if n.next == nil {
		l.back = n.prev
	} else {
		n.next.prev = n.prev
	}
	*n = node[T]{}
	l.n--
}

func (l *list[T]) moveToBack(n *node[T]) {
	if l.back != n {
		of := n.of
		l.remove(n)
		l.pushBack(n, of)
	}
}
