package routing

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRunsMatchWhatTheirExpressionsMatch holds what is a loop over bytes to what RE2 says.
func TestRunsMatchWhatTheirExpressionsMatch(t *testing.T) {
	texts := []string{"", "a", "aa", "aaa", "ab", "b", "0", "01", "x/y", "/", "é", "éé", "aé", "日本", "A", "-", ".", "K", "\U0010ffff", "a a"}
	for source, isRun := range map[string]bool{
		"[a-f0-9]{2}": true, "[a-f0-9]{1,2}": true, "[ab]{2,}": true, "[ab]*": true, "[ab]+": true, "[ab]?": true, "[ab]": true,
		`\d+`: true, `\w{2}`: true, ".*": true, ".+": true, ".*?": true, "[^/]+": true, "[^/]*": true, "[^a]{0,}": true, "[^a]{1,}": true,
		"(?i)[a-b]+": true, `\D+`: true, "(?s).+": true, "[ab]{0}": true,
		".": false, ".?": false, ".{2}": false, "[^/]{2}": false, "[é]+": false, "[a-é]+": false, "(?i)[k]+": false,
		"a+": false, "[ab]+c": false, "a|b": false, "([ab]+)": false, "([ab])+": false, "[ab]+[cd]+": false, `\pL+`: false, "(?:ab)*": false,
	} {
		t.Run(source, func(t *testing.T) {
			p, err := compilePattern(source)
			require.NoError(t, err)
			if p.run == nil {
				require.False(t, isRun, "not recognised")
			}
			want := regexp.MustCompile(`^(?:` + source + `)$`)
			for _, text := range texts {
				require.Equal(t, want.MatchString(text), p.matches([]byte(text)), "%q", text)
			}
		})
	}
}
