package budget

import (
	"errors"
	"sync"
)

// inquiries are those that an inquirer has begun and that are not over. It is safe for concurrent use.
type inquiries struct {
	mu      sync.Mutex
	count   int
	ofRoute map[string]int
	failed  []error
	done    sync.WaitGroup
}

// free says how many more may be begun, and which routes have all that they may have.
func (q *inquiries) free() (more int, busy []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for route, n := range q.ofRoute {
		if n > maxInquiriesOfRoute-inquiryBatch { // another batch may be all of one route
			busy = append(busy, route)
		}
	}
	return maxInquiries - q.count, busy
}

func (q *inquiries) begin(route string, inquire func() error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ofRoute == nil {
		q.ofRoute = map[string]int{}
	}
	q.count++
	q.ofRoute[route]++
	q.done.Go(func() { q.end(route, inquire()) })
}

func (q *inquiries) end(route string, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.count--
	if q.ofRoute[route]--; q.ofRoute[route] == 0 {
		delete(q.ofRoute, route)
	}
	if err != nil {
		q.failed = append(q.failed, err)
	}
}

// problems are the errors of those that have ended since it was asked last.
func (q *inquiries) problems() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	failed := q.failed
	q.failed = nil
	return errors.Join(failed...)
}

// wait returns when all that were begun are over. None may be begun meanwhile.
func (q *inquiries) wait() { q.done.Wait() }
