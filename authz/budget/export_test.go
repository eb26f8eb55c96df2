package budget

import (
	"context"
	"errors"
)

// Inquire asks once about all that is due and that no other inquirer asks about, and says how many that were. A spend that goes
// wrong does not keep the others from being settled: the error joins what kept the database from knowing.
func (q *Inquirer) Inquire(ctx context.Context) (asked int, err error) {
	for {
		begun, err := q.begin(ctx)
		asked += begun
		if err != nil || begun == 0 && !q.underWay.any() {
			q.underWay.wait()
			return asked, errors.Join(err, q.underWay.problems())
		}
		if begun == 0 { // there may be more, of routes that have all the inquiries that they may have
			q.underWay.wait()
		}
	}
}

func (q *inquiries) any() bool {
	more, _ := q.free()
	return more < maxInquiries
}
