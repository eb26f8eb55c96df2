// Package spend reads what a request costs, and what an answer says that it has cost. It is pure: nothing in it blocks, and the
// same bytes always mean the same. What two programs could read in two ways is refused, because the other one is who pays.
package spend
