package page

import "time"

// Budget are the fields of a form for how much an application may spend of a unit.
type Budget struct {
	Unit    string
	Heading Message
	Said    []Message // what there is to know before deciding
	// Offers are amounts to choose from. Others can be typed: IsOwn says that Own is chosen, which was typed before. IsUnlimited says that no
	// limit is, where MayBeUnlimited.
	Offers                      []Offer
	IsOwn                       bool
	Own                         Message
	MayBeUnlimited, IsUnlimited bool
	Periods                     []Choice // after which it begins anew
	// AsksPayment says that there is a field for the most that each payment may be, which holds Payment.
	AsksPayment bool
	Payment     Message
	Seen        int64 // the revision that the page shows
	// Failure is why what was sent before could not be taken.
	Failure                    Message
	IsOwnWrong, IsPaymentWrong bool
}

// Offer is an amount to choose.
type Offer struct {
	Amount   int64
	Shown    Message
	IsChosen bool
}

// Choice is one of several words.
type Choice struct {
	Name     string
	Shown    Message
	IsChosen bool
}

// Spending is how much an application may spend of a unit, and what it has spent.
type Spending struct {
	Limit Message
	Used  Message // how much is spent, and left
	// Spent and Held are those parts of the bar that are, in thousandths. HasBar: there is a limit.
	HasBar      bool
	Spent, Held int64
	Renews      Message
	Change      string // where it is changed
	Payments    string // where the payments are listed
}

// ChangeBudget changes how much an application may spend.
type ChangeBudget struct {
	Application string
	Client      string // its ID
	Spending    Spending
	Budget      Budget
	Form        Form
	Back        string // where nothing is done
}

func (ChangeBudget) template() string { return "budget.html" }

// Title implements View.
func (v ChangeBudget) Title() Message { return Say("budget.title", "application", v.Application) }

// Payments lists what an application has spent.
type Payments struct {
	Application string
	Payments    []Payment
	Next, Back  string // Next is where older ones are; empty: there are none
}

// Payment is one of them.
type Payment struct {
	Amount Message
	State  Message
	Day    time.Time
	Clock  string
	Route  string
	// IsOpen says that what became of it is not known yet, IsVoided that nothing was paid.
	IsOpen, IsVoided bool
}

func (Payments) template() string { return "payments.html" }

// Title implements View.
func (v Payments) Title() Message { return Say("payments.title", "application", v.Application) }
