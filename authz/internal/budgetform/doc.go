// Package budgetform is how a form asks how much an application may spend: its fields, what they begin with, what was sent in them and
// what is wrong with that, and limits in words. The page on which an application asks, and the one on which a user changes a budget,
// have the same fields. It leaves to package budget what a limit means, and to its users whose budget it is.
package budgetform
