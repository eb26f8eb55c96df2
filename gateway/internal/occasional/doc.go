// Package occasional says when to warn of something that happens at every request, so that the log holds one line of it
// in a while. It owns the counting and the interval; whoever warns writes the line.
package occasional
