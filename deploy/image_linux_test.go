package deploy_test

import (
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// image is the directory that the Dockerfile's last stage would be: what is run in it finds nothing else.
type image struct {
	*testing.T
	root, dir   string
	user        uint32
	environment []string
}

// newImage builds the program with the Dockerfile's own command and lays it out as the Dockerfile does.
func newImage(t *testing.T) image {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can change the root directory")
	}
	dockerfile := readFile(t, "../Dockerfile")
	one := func(pattern string) string {
		found := regexp.MustCompile(`(?m)` + pattern).FindStringSubmatch(dockerfile)
		require.NotNil(t, found, pattern)
		return found[1]
	}
	i := image{T: t, root: t.TempDir(), dir: one(`^WORKDIR (/etc/\S+)$`)}
	user, err := strconv.ParseUint(one(`^USER (\d+):\d+$`), 10, 32)
	require.NoError(t, err)
	i.user = uint32(user)
	i.environment = []string{"GATEHOUSE_CONFIG=" + one(`^ENV GATEHOUSE_CONFIG=(\S+)$`)}
	require.NoError(t, os.Chmod(filepath.Dir(i.root), 0o755))
	require.NoError(t, os.MkdirAll(i.root+i.dir, 0o755))

	build := exec.Command("sh", "-c", "cd .. && "+
		strings.Replace(one(`(go build .*)$`), "-o /gatehouse", "-o "+i.root+"/gatehouse", 1))
	build.Env = append(os.Environ(), strings.Fields(one(`^ENV (GOTOOLCHAIN=\S+ CGO_ENABLED=\S+)$`))...)
	output, err := build.CombinedOutput()
	require.NoError(t, err, string(output))
	return i
}

// command runs the entrypoint as the image's user.
func (i image) command(args ...string) *exec.Cmd {
	command := exec.CommandContext(i.Context(), "/gatehouse", args...)
	command.Dir, command.Env = i.dir, i.environment
	command.SysProcAttr = &syscall.SysProcAttr{
		Chroot: i.root, Credential: &syscall.Credential{Uid: i.user, Gid: i.user},
	}
	return command
}

func TestTheImageServesWithNothingElseInIt(t *testing.T) {
	i := newImage(t)
	binary, err := elf.Open(i.root + "/gatehouse")
	require.NoError(t, err)
	defer binary.Close()
	for _, segment := range binary.Progs {
		require.NotEqual(t, elf.PT_INTERP, segment.Type, "a static binary needs no loader")
	}

	healthcheck := regexp.MustCompile(`HEALTHCHECK .* CMD \["/gatehouse", "(.*)"\]`).FindStringSubmatch(readFile(t, "../Dockerfile"))
	require.NotNil(t, healthcheck)
	healthy := func() (string, error) {
		output, err := i.command(strings.Split(healthcheck[1], `", "`)...).CombinedOutput()
		return string(output), err
	}
	require.NoError(t, os.WriteFile(i.root+i.dir+"/config.yaml", []byte(fmt.Sprintf(`
listen: %s
admin: {listen: "%s"}
database_url: "sqlite::memory:"
redis_url: "embedded:"
jwt_secret: fedcba9876543210fedcba9876543210
keys: {secret: 0123456789abcdef0123456789abcdef}
routes:
  - {path: /balance, methods: [GET], origin: "http://127.0.0.1:1", scope: "balance:read", description: Read, credential: none}
`, freeAddress(t), freeAddress(t))), 0o644))
	output, err := healthy()
	require.Error(t, err, "nothing runs yet: %s", output)

	server := i.command("serve")
	var log strings.Builder
	server.Stderr = &log
	require.NoError(t, server.Start())
	require.Eventually(t, func() bool { output, err = healthy(); return err == nil }, 30*time.Second, 50*time.Millisecond)
	require.Empty(t, output)
	status := readFile(t, fmt.Sprintf("/proc/%d/status", server.Process.Pid))
	require.Regexp(t, fmt.Sprintf(`(?m)^Uid:\s+%d\s+%[1]d\s+%[1]d\s+%[1]d$`, i.user), status)

	require.NoError(t, server.Process.Signal(syscall.SIGTERM))
	require.NoError(t, server.Wait(), log.String())
}
