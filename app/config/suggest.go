package config

import "strings"

// didYouMean is the end of a message about a variable that does not exist: the one that is most like it, or nothing.
func didYouMean(name string, known []string) string {
	name = strings.TrimPrefix(name, environmentPrefix)
	best, least := "", 2+len(name)/4 // more differences make another word
	for _, candidate := range known {
		n := differences([]rune(name), []rune(strings.TrimPrefix(candidate, environmentPrefix)))
		if isShortFor(name, strings.TrimPrefix(candidate, environmentPrefix)) {
			n = 1
		}
		if n < least {
			best, least = candidate, n
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// isShortFor holds where each word abbreviates the other name's word in its place: DB_URL for DATABASE_URL.
func isShortFor(name, long string) bool {
	words, longer := strings.Split(name, "_"), strings.Split(long, "_")
	if len(words) != len(longer) {
		return false
	}
	for i, word := range words {
		if word == "" || !strings.HasPrefix(longer[i], word[:1]) {
			return false
		}
		rest, found := longer[i], true
		for _, letter := range word {
			if _, rest, found = strings.Cut(rest, string(letter)); !found {
				return false
			}
		}
	}
	return true
}

// differences counts the letters that have to be added, left out, replaced or swapped with their neighbour to make one name
// of the other.
func differences(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range a {
		row[0] = i + 1
		for j := range b {
			replaced := last[j]
			if a[i] != b[j] {
				replaced++
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, replaced)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
