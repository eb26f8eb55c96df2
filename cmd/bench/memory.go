package main

import "fmt"

// The goal for the memory of a gateway: so many tokens that it has verified and so many revocations that it knows.
const (
	memoryTokens     = 100_000
	memoryDenied     = 1_000_000
	memoryGoal       = 300_000_000 // bytes
	bytesOfAMegabyte = 1_000_000
)

// memory is what a process group occupies, in bytes: now, and at most since each of its processes started.
type memory struct{ now, peak int64 }

// memoryUse is what a gateway occupies.
type memoryUse struct {
	loaded memory // with the denylist, before the first request
	cached memory // and with the tokens
}

func (m *memoryUse) goal() []string {
	mega := func(bytes int64) int64 { return bytes / bytesOfAMegabyte }
	return []string{
		fmt.Sprintf("memory with %s tokens and %s revocations", thousands(memoryTokens), thousands(memoryDenied)),
		fmt.Sprintf("%d MB", mega(memoryGoal)),
		fmt.Sprintf("%d MB, at most ever %d MB; before the tokens %d MB", mega(m.cached.now), mega(m.cached.peak), mega(m.loaded.now)),
		verdict(m.cached.peak <= memoryGoal),
	}
}
