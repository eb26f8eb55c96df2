// Package browsertest drives a real Chromium, as a person would, through the demo application and the pages of the
// authorization server. It is for tests.
package browsertest
