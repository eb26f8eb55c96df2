package payment

// Spent is what became of what one request was going to spend.
type Spent struct {
	Route   int // the index of its Terms
	Outcome SpendOutcome
	Reason  SpendRefusal // of SpendRefused
	// Held is what was reserved, and Cost what was executed of what was posted.
	Held, Cost int64
}

// SpendOutcome is what became of a request that spends, as the gateway knows it when it answers.
type SpendOutcome uint8

// The outcomes. Refused requests have held nothing.
const (
	SpendRefused SpendOutcome = iota
	SpendPosted
	SpendVoided
	SpendUnknown
)

// SpendOutcomes returns all of them, by their value.
func SpendOutcomes() []SpendOutcome {
	return []SpendOutcome{SpendRefused, SpendPosted, SpendVoided, SpendUnknown}
}

// String is a word in lower case.
func (o SpendOutcome) String() string {
	return [...]string{"refused", "posted", "voided", "unknown"}[o]
}

// SpendRefusal is why a request was refused that was going to spend.
type SpendRefusal uint8

// The reasons.
const (
	Unreadable SpendRefusal = iota
	BudgetExceeded
	SpentAlready
	BudgetUnavailable
)

// SpendRefusals returns all of them, by their value.
func SpendRefusals() []SpendRefusal {
	return []SpendRefusal{Unreadable, BudgetExceeded, SpentAlready, BudgetUnavailable}
}

// String is a word in lower case.
func (r SpendRefusal) String() string {
	return [...]string{"unreadable", "exceeded", "already", "unavailable"}[r]
}
