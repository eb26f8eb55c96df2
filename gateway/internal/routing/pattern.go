package routing

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
)

// pattern is an RE2 expression that a decoded segment has to match from its beginning to its end, or the rest of a path.
// It takes time in proportion to that, and no memory.
type pattern struct {
	source string
	// matchesSlash says that it may match more than one segment.
	matchesSlash bool
	run          *run           // nil where it is more than one
	expression   *regexp.Regexp // nil where it is one
}

const (
	anyOfSegment = "[^/]+" // what a parameter without a pattern matches
	// What strangers can make an expression cost grows with the product of its instructions and the bytes that it is held
	// against. A SHA-256 in hexadecimal is 65 instructions. A run has no such bounds.
	maxInstructions = 300
	maxText         = 2000
)

func compilePattern(source string) (*pattern, error) {
	if source == "" {
		return nil, errors.New("there is no pattern after its colon")
	}
	parsed, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("its pattern is wrong: %w", err)
	}
	if holds(parsed, isAnchor) {
		return nil, errors.New("a pattern matches from the beginning to the end anyway: leave out ^ and $")
	}
	p := &pattern{source: source, matchesSlash: holds(parsed, matchesSlash), run: runOf(parsed)}
	if p.run != nil {
		return p, nil
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, fmt.Errorf("its pattern is wrong: %w", err)
	}
	if size := len(program.Inst); size > maxInstructions {
		return nil, fmt.Errorf("the pattern is too large: %d instructions, and %d are the most", size, maxInstructions)
	}
	if p.expression, err = regexp.Compile(`\A(?:` + source + `)\z`); err != nil {
		return nil, fmt.Errorf("its pattern is wrong: %w", err)
	}
	return p, nil
}

func (p *pattern) matches(text []byte) bool {
	if p.run != nil {
		return p.run.matches(text)
	}
	return len(text) <= maxText && p.expression.Match(text)
}

// is reports whether two patterns are spelled alike, or both none.
func (p *pattern) is(other *pattern) bool {
	if p == nil || other == nil {
		return p == other
	}
	return p.source == other.source
}

// holds looks for a part of an expression.
func holds(expression *syntax.Regexp, wanted func(*syntax.Regexp) bool) bool {
	return wanted(expression) || slices.ContainsFunc(expression.Sub, func(sub *syntax.Regexp) bool { return holds(sub, wanted) })
}

func isAnchor(expression *syntax.Regexp) bool {
	switch expression.Op {
	case syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText:
		return true
	}
	return false
}

func matchesSlash(expression *syntax.Regexp) bool {
	switch expression.Op {
	case syntax.OpLiteral:
		return slices.Contains(expression.Rune, '/')
	case syntax.OpCharClass:
		for i := 0; i < len(expression.Rune); i += 2 {
			if expression.Rune[i] <= '/' && '/' <= expression.Rune[i+1] {
				return true
			}
		}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return true
	}
	return false
}
