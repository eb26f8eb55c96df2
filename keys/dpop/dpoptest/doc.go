// Package dpoptest makes DPoP proofs as an application does, or as somebody who wants to deceive. It is for tests.
package dpoptest
