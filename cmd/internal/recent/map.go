// Package recent has a map of bounded size.
package recent

// size is how many keys a Map keeps at least.
const size = 8192

// Map forgets what was used long ago: it has the last 8192 keys at least, and no more than twice as
// many. The zero value is empty.
type Map[K comparable, V any] struct{ young, old map[K]V }

// Set sets the value of a key.
func (m *Map[K, V]) Set(k K, v V) {
	if m.young == nil {
		m.young, m.old = make(map[K]V), make(map[K]V)
	}
	if len(m.young) >= size {
		if _, ok := m.young[k]; !ok {
			m.young, m.old = m.old, m.young
			clear(m.young)
		}
	}
	m.young[k] = v
}

// Get returns the value of a key; ok is false if it has none.
func (m *Map[K, V]) Get(k K) (v V, ok bool) {
	if v, ok = m.young[k]; ok {
		return v, true
	}
	if v, ok = m.old[k]; ok {
		m.Set(k, v)
	}
	return v, ok
}

// Len is how many keys are known.
func (m *Map[K, V]) Len() int { return len(m.young) + len(m.old) }
