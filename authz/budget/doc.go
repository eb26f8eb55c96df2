// Package budget is what users let clients spend: reserving it before a request is sent, settling it when its outcome is
// known, and inquiring where that is not. The registry keeps it; what a window is and what holds where nobody said anything
// is decided here.
//
// A charge belongs to the window in which it was reserved. What may have been spent counts as spent.
package budget
