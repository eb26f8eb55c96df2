package main

import (
	"errors"
	"fmt"
)

// maxOthers is how much of the contestant's core others may use in a round that is reported. Beyond it, what they leave in
// the caches is no longer the contestant's, and the ratio to a round that nobody disturbed says little.
const maxOthers = 0.10

// errTooBusy ends a run on a machine that never leaves the contestants alone.
var errTooBusy = errors.New("the machine is too busy to measure on")

func (m measured) isDisturbed() bool { return m.others > maxOthers }

// undisturbed measures until others have used little enough of the core, and returns only that measurement. It gives up
// after so many repeats, with errTooBusy. It calls again with each measurement that it repeats.
func undisturbed(repeats int, measure func() (measured, error), again func(measured)) (measured, error) {
	for done := 0; ; done++ {
		m, err := measure()
		if err != nil {
			return measured{}, err
		}
		if !m.isDisturbed() {
			return m, nil
		}
		if done == repeats {
			return measured{}, fmt.Errorf("%w: others used %.0f %% of the contestant's core; measured %d times, each time more than "+
				"%.0f %%; end what else runs, or choose another core with -core", errTooBusy, 100*m.others, repeats+1, 100*maxOthers)
		}
		again(m)
	}
}
