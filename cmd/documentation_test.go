package cmd_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

var (
	fencedBlock  = regexp.MustCompile("(?ms)^```.*?^```$")
	inlineLink   = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	headingLine  = regexp.MustCompile(`(?m)^#{1,6} +(.+)$`)
	headingLinks = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
)

// prose is a page without its blocks of code, in which # is no heading and ]( no link.
func prose(t *testing.T, path string) string {
	t.Helper()
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	return fencedBlock.ReplaceAllString(string(page), "")
}

// anchors are the fragments that a forge makes of a page's headings: lower case, a hyphen for a space, no punctuation, and
// a number for a heading that was there before.
func anchors(page string) map[string]bool {
	found := map[string]bool{}
	for _, heading := range headingLine.FindAllStringSubmatch(page, -1) {
		text := headingLinks.ReplaceAllString(strings.TrimSpace(heading[1]), "$1")
		anchor := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			default:
				return -1
			}
		}, text)
		unique := anchor
		for n := 1; found[unique]; n++ {
			unique = fmt.Sprintf("%s-%d", anchor, n)
		}
		found[unique] = true
	}
	return found
}

func TestEveryLinkOfTheDocumentationResolves(t *testing.T) {
	pages, err := filepath.Glob("../docs/*.md")
	require.NoError(t, err)
	require.NotEmpty(t, pages)
	checked := 0
	for _, path := range append(pages, "../README.md", "../CONTRIBUTING.md", "../SECURITY.md") {
		for _, link := range inlineLink.FindAllStringSubmatch(prose(t, path), -1) {
			if strings.Contains(link[1], "://") {
				continue
			}
			checked++
			target, fragment, anchored := strings.Cut(link[1], "#")
			file := path
			if target != "" {
				file = filepath.Join(filepath.Dir(path), filepath.FromSlash(target))
				_, err := os.Stat(file)
				require.NoError(t, err, "%s links to %s", path, link[1])
			}
			if anchored {
				require.Contains(t, anchors(prose(t, file)), fragment, "%s links to %s", path, link[1])
			}
		}
	}
	require.Greater(t, checked, 20)
}

func TestEveryPageCanBeReachedFromTheReadme(t *testing.T) {
	pages, err := filepath.Glob("../docs/*.md")
	require.NoError(t, err)
	readme := prose(t, "../README.md")
	for _, path := range pages {
		require.Contains(t, readme, "](docs/"+filepath.Base(path)+")")
	}
}

// commandOf finds the program by the name that its folder has.
var commandOf = regexp.MustCompile("(?m)(?:^|`|\\$ |run )server (serve|authz|gateway|dev|check|health|migrate|client|key|revoke|budget|spend|audit|import)\\b")

func TestTheProgramHasOneName(t *testing.T) {
	read := 0
	for _, pattern := range []string{
		"../*.md", "../docs/*.md", "../config.yaml", "../Dockerfile", "../Makefile", "../deploy/*.yaml", "../deploy/kubernetes/*.yaml", "../app/*.go",
		"../app/config/*.go",
	} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, files, pattern)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			require.NotRegexp(t, commandOf, string(text), "%s: it is called gatehouse", file)
			read++
		}
	}
	require.Greater(t, read, 50)
}

func TestTheReadmeIsShort(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	require.LessOrEqual(t, strings.Count(string(readme), "\n"), 200, "reference belongs in docs/")
}

var (
	codeSpan     = regexp.MustCompile("`([^`]+)`")
	requestStop  = regexp.MustCompile(`(?m)^\| (\d+) \| ([^|]+) \|`)
	mentionsFile = regexp.MustCompile(`^(app|authz|cmd|denylist|deploy|gateway|keys|registry)/[\w/.*-]+$`)
)

// docs/architecture.md follows a request as file and function. Each of them is there, in at most 20 stops.
func TestTheWayOfARequestIsInTheCode(t *testing.T) {
	page := prose(t, "../docs/architecture.md")
	for _, span := range codeSpan.FindAllStringSubmatch(page, -1) {
		if mentionsFile.MatchString(span[1]) {
			found, err := filepath.Glob("../" + span[1])
			require.NoError(t, err)
			require.NotEmpty(t, found, span[1])
		}
	}
	stops := requestStop.FindAllStringSubmatch(page, -1)
	require.NotEmpty(t, stops)
	require.LessOrEqual(t, len(stops), 20)
	for _, stop := range stops {
		var source strings.Builder
		folder := ""
		for _, span := range codeSpan.FindAllStringSubmatch(stop[2], -1) {
			name := span[1]
			if !strings.Contains(name, ".go") {
				require.Regexp(t, `(?m)^func (\([^)]+\) )?`+name+`\b`, source.String(), "stop %s", stop[1])
				continue
			}
			if strings.Contains(name, "/") {
				folder = filepath.Dir(name)
			} else {
				name = filepath.Join(folder, name)
			}
			files, err := filepath.Glob("../" + name)
			require.NoError(t, err)
			require.NotEmpty(t, files, name)
			for _, file := range files {
				code, err := os.ReadFile(file)
				require.NoError(t, err)
				source.Write(code)
			}
		}
		require.NotEmpty(t, folder, "stop %s names a file", stop[1])
	}
}

var (
	testNamed = regexp.MustCompile("`(Test[A-Za-z0-9_]+)`")
	testFunc  = regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9_]+)\(`)
)

// The page of rules names the tests that hold them. One that was renamed or removed leaves a rule that nobody holds.
func TestEveryRuleOfTheSecurityPageHasItsTests(t *testing.T) {
	there := map[string]bool{}
	require.NoError(t, filepath.WalkDir("..", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, found := range testFunc.FindAllStringSubmatch(string(source), -1) {
			there[found[1]] = true
		}
		return err
	}))
	rules := 0
	for line := range strings.Lines(prose(t, "../docs/security.md")) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| section") {
			continue
		}
		rules++
		tests := testNamed.FindAllStringSubmatch(line, -1)
		require.NotEmpty(t, tests, line)
		for _, named := range tests {
			require.True(t, there[named[1]], "%s is no test", named[1])
		}
	}
	require.Greater(t, rules, 20)
}
