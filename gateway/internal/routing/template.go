package routing

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// segmentKind is also the order in which the segments of several routes are tried.
type segmentKind byte

const (
	literalSegment segmentKind = iota
	patternSegment             // what a pattern matches, within the segment
	paramSegment               // any that is not empty
	restOfPath                 // a pattern for this segment and all that follow
)

// segment is one segment of a path template, or the rest of it.
type segment struct {
	kind    segmentKind
	literal string // decoded
	pattern *pattern
}

// is reports whether two segments match the same.
func (s segment) is(other segment) bool {
	return s.kind == other.kind && s.literal == other.literal && s.pattern.is(other.pattern)
}

// reserved first segments belong to the authorization server and to operations, whether or not they are mounted here.
var reserved = []string{"oauth", ".well-known", "clients", "account", "admin", "healthz", "readyz", "metrics"}

// IsReserved reports whether no route can have a path that begins with the segment, in whatever case.
func IsReserved(first []byte) bool {
	return slices.ContainsFunc(reserved, func(name string) bool { return bytes.EqualFold([]byte(name), first) })
}

// Template is a path with parameters, as the configuration writes it.
type Template []segment

// ParseTemplate reads a template. The error says what is wrong in words for an operator.
func ParseTemplate(path string) (Template, error) {
	refuse := func(reason error) (Template, error) { return nil, fmt.Errorf("bad path %q: %w", path, reason) }
	if !strings.HasPrefix(path, "/") {
		return refuse(errors.New("it does not start with a slash"))
	}
	parts, err := splitTemplate(path[1:])
	if err != nil {
		return refuse(err)
	}
	var segments Template
	named := make(map[string]bool)
	for i, part := range parts {
		pieces, err := parsePieces(part, named)
		if err != nil {
			return refuse(err)
		}
		if slices.ContainsFunc(pieces, piece.spansSegments) {
			rest, err := restSegment(pieces, parts[i+1:], named)
			if err != nil {
				return refuse(err)
			}
			segments = append(segments, rest)
			break
		}
		next, err := segmentOf(part, pieces, i == len(parts)-1)
		if err != nil {
			return refuse(err)
		}
		segments = append(segments, next)
	}
	if segments[0].kind == literalSegment && IsReserved([]byte(segments[0].literal)) {
		return nil, fmt.Errorf("path %q is reserved: /%s", path, strings.Join(reserved, ", /"))
	}
	return segments, nil
}

// splitTemplate splits at slashes, but for those in braces.
func splitTemplate(path string) (parts []string, err error) {
	depth, start := 0, 0
	for i := range len(path) {
		switch path[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth < 0 {
				return nil, errUnbalanced
			}
		case '/':
			if depth == 0 {
				parts = append(parts, path[start:i])
				start = i + 1
			}
		}
	}
	if depth != 0 {
		return nil, errUnbalanced
	}
	return append(parts, path[start:]), nil
}

var errUnbalanced = errors.New("its braces do not match")

// piece is a part of a segment: text, or a parameter.
type piece struct {
	text    string // as the template has it
	isParam bool
	source  string // of the parameter's pattern; empty when it has none
	pattern *pattern
}

func (p piece) spansSegments() bool { return p.pattern != nil && p.pattern.matchesSlash }

// parsePieces reads one segment whose braces match.
func parsePieces(part string, named map[string]bool) (pieces []piece, err error) {
	for part != "" {
		open := strings.IndexByte(part, '{')
		if open != 0 {
			if open < 0 {
				open = len(part)
			}
			pieces = append(pieces, piece{text: part[:open]})
			part = part[open:]
			continue
		}
		end := closingBrace(part)
		p := piece{text: part[:end], isParam: true}
		name, source, hasPattern := strings.Cut(part[1:end-1], ":")
		if !isParamName(name) {
			return nil, fmt.Errorf("the parameter %s has no name of letters, digits and _", p.text)
		}
		if named[name] {
			return nil, fmt.Errorf("two parameters {%s}", name)
		}
		named[name] = true
		if hasPattern {
			p.source = source
			if p.pattern, err = compilePattern(source); err != nil {
				return nil, fmt.Errorf("the parameter %s: %w", p.text, err)
			}
		}
		pieces, part = append(pieces, p), part[end:]
	}
	return pieces, nil
}

// closingBrace is what is behind the brace that closes the first of text.
func closingBrace(text string) int {
	depth := 0
	for i := range len(text) {
		switch text[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(text)
}

func isParamName(name string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
	return name != "" && strings.Trim(name, letters) == ""
}

// segmentOf is for a segment that no parameter leaves.
func segmentOf(part string, pieces []piece, isLast bool) (segment, error) {
	if len(pieces) == 1 && pieces[0].isParam {
		switch only := pieces[0]; only.source {
		case "", anyOfSegment:
			return segment{kind: paramSegment}, nil
		default:
			return segment{kind: patternSegment, pattern: only.pattern}, nil
		}
	}
	if !slices.ContainsFunc(pieces, func(p piece) bool { return p.isParam }) {
		var t Target
		if strings.Contains(part, "?") || part == "" && !isLast || t.ParsePath([]byte("/"+part)) != nil {
			return segment{}, unmatchable(part)
		}
		return segment{kind: literalSegment, literal: string(t.segments[0])}, nil
	}
	source, err := sourceOf(pieces)
	if err != nil {
		return segment{}, err
	}
	joined, err := compilePattern(source)
	return segment{kind: patternSegment, pattern: joined}, err
}

// restSegment is one pattern for a segment, of which a parameter may go on over slashes, and all that follow.
func restSegment(pieces []piece, parts []string, named map[string]bool) (segment, error) {
	if len(pieces) == 1 && len(parts) == 0 {
		return segment{kind: restOfPath, pattern: pieces[0].pattern}, nil
	}
	source, err := sourceOf(pieces)
	if err != nil {
		return segment{}, err
	}
	for i, part := range parts {
		if part == "" && i < len(parts)-1 {
			return segment{}, unmatchable(part)
		}
		pieces, err := parsePieces(part, named)
		if err != nil {
			return segment{}, err
		}
		next, err := sourceOf(pieces)
		if err != nil {
			return segment{}, err
		}
		source += "/" + next
	}
	joined, err := compilePattern(source)
	return segment{kind: restOfPath, pattern: joined}, err
}

// sourceOf is the pattern of a segment that has several pieces.
func sourceOf(pieces []piece) (string, error) {
	var source strings.Builder
	for _, p := range pieces {
		if p.isParam {
			fmt.Fprintf(&source, "(?:%s)", cmp.Or(p.source, anyOfSegment))
			continue
		}
		decoded, err := appendDecoded(nil, []byte(p.text))
		if err != nil || strings.Contains(p.text, "?") || !hasOneReading(decoded) || len(pieces) == 1 && isDots(decoded) {
			return "", unmatchable(p.text)
		}
		source.WriteString(regexp.QuoteMeta(string(decoded)))
	}
	return source.String(), nil
}

func unmatchable(part string) error { return fmt.Errorf("no request can have the segment %q", part) }
