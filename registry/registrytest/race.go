package registrytest

import "sync"

// Race makes n calls that start together, each with its number from 0, and returns their results in that order once all
// have returned.
func Race[T any](n int, call func(i int) T) []T {
	results := make([]T, n)
	start := make(chan struct{})
	var ready, done sync.WaitGroup
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			<-start
			results[i] = call(i)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	return results
}
