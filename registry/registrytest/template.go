package registrytest

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Template is an SQLite database that is made once and copied for each test that wants one: to make the tables takes longer
// than most tests that use them. It is safe for concurrent use.
type Template struct {
	fill    func(ctx context.Context, url string) error
	once    sync.Once
	content []byte
}

// NewTemplate returns a template. When it is first copied, fill gets the URL of a new SQLite file, and leaves there what the
// copies begin with and no open connection.
func NewTemplate(fill func(ctx context.Context, url string) error) *Template {
	return &Template{fill: fill}
}

// Copy returns the URL of a new SQLite file with what the template holds, as SQLite does.
func (p *Template) Copy(t testing.TB) string {
	t.Helper()
	p.once.Do(func() {
		file := filepath.Join(t.TempDir(), "template.db")
		require.NoError(t, p.fill(t.Context(), "sqlite:"+file))
		require.NoFileExists(t, file+"-wal", "a connection is still open")
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		p.content = content
	})
	require.NotEmpty(t, p.content, "the template was not made")
	file := filepath.Join(t.TempDir(), "gatehouse.db")
	require.NoError(t, os.WriteFile(file, p.content, 0o600))
	return "sqlite:" + file
}
