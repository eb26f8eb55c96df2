// Command bench compares the gateway with other proxies on one machine: each contestant runs alone on a core of its own,
// and what the kernel says it used there is divided by the requests it answered. The load, the upstream and Redis share
// the other cores. Rounds go through all contestants in turn, so that what else the machine does meets each of them, and
// what is compared are ratios within a round: an absolute time says nothing on a shared machine.
// A measurement that others disturbed is repeated, and never reported.
//
// It also measures what a token costs the authorization server, for each grant. The goal is the processor time itself. Where
// Ory Hydra is installed, its grants are measured beside ours.
//
// The contestants are those of contestants.yaml; -contestants adds others from a file of the same form.
package main
