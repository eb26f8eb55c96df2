// Package client is what a client (an application) may be: the settings it can be registered with, the URIs that its codes
// may be sent to, and the secret that it proves itself with.
//
// It owns the rules (redirect.go, domain.go, problems.go), how a secret is made, stored and compared (secret.go,
// secret_check.go), and what an operator is told about settings that are not accepted (InvalidError). It leaves to authz
// how a request presents a client and how a refusal is answered, and to registry what is durable.
package client
