package routing

import "strings"

// FromGorilla writes a path of gorilla/mux, which read targets.json for oauth2server, as a template. Gorilla compares its text
// with the decoded path as it stands, and lets parameters have any names, and the same one twice. What no template can be is
// returned as it is, for ParseTemplate to say so.
func FromGorilla(matchRoute string) string {
	if _, err := splitTemplate(matchRoute); err != nil {
		return matchRoute
	}
	var path strings.Builder
	named := make(map[string]bool)
	for rest := matchRoute; rest != ""; {
		if rest[0] != '{' {
			text := rest
			if open := strings.IndexByte(rest, '{'); open >= 0 {
				text = rest[:open]
			}
			rest = rest[len(text):]
			for i, part := range strings.Split(text, "/") {
				if i > 0 {
					path.WriteByte('/')
				}
				path.Write(AppendEncoded(nil, []byte(part)))
			}
			continue
		}
		end := closingBrace(rest)
		name, pattern, hasPattern := strings.Cut(rest[1:end-1], ":")
		path.WriteString("{" + freeName(name, named))
		if hasPattern {
			path.WriteString(":" + pattern)
		}
		path.WriteByte('}')
		rest = rest[end:]
	}
	return path.String()
}

// freeName is the name with underscores for what the name of a parameter cannot have, and in the place of one that is
// taken.
func freeName(name string, named map[string]bool) string {
	name = strings.Map(func(r rune) rune {
		if isParamName(string(r)) {
			return r
		}
		return '_'
	}, name)
	for name != "" && named[name] {
		name += "_"
	}
	named[name] = true
	return name
}
