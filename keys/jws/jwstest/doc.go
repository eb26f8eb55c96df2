// Package jwstest signs as a stranger does, or as somebody who wants to deceive. It is for tests.
package jwstest
