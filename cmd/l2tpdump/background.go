package main

import (
	"sync"
	"time"
)

// onEach has f take what comes from c, in the background, until stop is called, which waits for f.
func onEach[T any](c <-chan T, f func(T)) (stop func()) {
	done := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		for {
			select {
			case x := <-c:
				f(x)
			case <-done:
				return
			}
		}
	})
	return func() {
		close(done)
		running.Wait()
	}
}

// every calls f again and again, in the background, until stop is called, which waits for f.
func every(d time.Duration, f func()) (stop func()) {
	return onEach(time.Tick(d), func(time.Time) { f() })
}
