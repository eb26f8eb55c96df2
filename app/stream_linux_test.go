package app_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway"
)

// gigabyte is what passes each way, and moreMemory what it may take beside what an idle process has.
const (
	gigabyte   = 1 << 30
	moreMemory = 64 << 20
)

const childUpstream = "GATEHOUSE_TEST_CHILD_UPSTREAM"

// TestChild is, where childUpstream is set, the process that the tests look at: a Gatehouse that says where it is, and ends
// with its standard input. Otherwise it starts such a process and sees it serve and end.
func TestChild(t *testing.T) {
	upstream := os.Getenv(childUpstream)
	if upstream == "" {
		response, err := http.Get(startProcess(t, bulk(t)).public + "/any?3")
		require.NoError(t, err)
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.Equal(t, "\x00\x00\x00", string(body))
		return
	}
	config := testConfig(upstream)
	config.Routes = []gateway.Route{{
		Path: "/any", Methods: []string{"GET", "POST"}, Origin: upstream, Public: true, Credential: "none", MaxBody: gateway.NoLimit,
	}}
	fmt.Println(start(t, config).public)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// process is a Gatehouse of its own.
type process struct {
	t      *testing.T
	pid    int
	public string
}

func startProcess(t *testing.T, upstream string) *process {
	t.Helper()
	command := exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0], "-test.run=^TestChild$")
	command.Env = append(os.Environ(), childUpstream+"="+upstream)
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	require.NoError(t, err)
	out, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = in.Close()
		_, _ = io.Copy(io.Discard, out)
		require.NoError(t, command.Wait())
	})
	public, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	return &process{t, command.Process.Pid, strings.TrimSpace(public)}
}

// memory returns a line of the process's status, in bytes: VmRSS is what it has, VmHWM what it had at most.
func (p *process) memory(line string) int {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	require.NoError(p.t, err)
	_, after, found := strings.Cut(string(status), line+":")
	require.True(p.t, found)
	kilobytes, err := strconv.Atoi(strings.Fields(after)[0])
	require.NoError(p.t, err)
	return kilobytes << 10
}

// zeros is a body of nothing in particular.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// bulk takes anything, and gives as much as its query says, in chunks unless that begins with a minus.
func bulk(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		taken, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			return
		}
		if r.Method == http.MethodPost {
			_, _ = fmt.Fprint(w, taken, " ", r.ContentLength)
			return
		}
		size, err := strconv.ParseInt(r.URL.RawQuery, 10, 64)
		if err != nil {
			return
		}
		if size < 0 {
			size = -size
			w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
		}
		_, _ = io.CopyN(w, zeros{}, size)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestGigabytesPassInLittleMemory(t *testing.T) {
	p := startProcess(t, bulk(t))
	call := func(method string, size int64, body io.Reader, length int64) *http.Response {
		request, err := http.NewRequestWithContext(t.Context(), method, fmt.Sprint(p.public, "/any?", size), body)
		if err != nil {
			t.Error(err)
			return nil
		}
		request.ContentLength = length
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Error(err)
			return nil
		}
		return response
	}
	upload := func(size, length int64) {
		response := call(http.MethodPost, 0, io.LimitReader(zeros{}, size), length)
		if response == nil {
			return
		}
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		if want := fmt.Sprint(size, " ", length); err != nil || string(answer) != want {
			t.Errorf("the upstream got %q, want %q: %v", answer, want, err)
		}
	}
	download := func(size, length int64) {
		asked := size
		if length >= 0 {
			asked = -size
		}
		response := call(http.MethodGet, asked, http.NoBody, 0)
		if response == nil {
			return
		}
		defer response.Body.Close()
		n, err := io.Copy(io.Discard, response.Body)
		if err != nil || n != size || response.ContentLength != length {
			t.Errorf("got %d bytes, announced as %d: %v", n, response.ContentLength, err)
		}
	}
	download(1, 1) // what the first request needs for good

	idle := p.memory("VmRSS")
	require.NoError(t, os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.pid), []byte("5"), 0)) // VmHWM begins anew
	began := time.Now()
	var both sync.WaitGroup
	both.Go(func() { upload(gigabyte, gigabyte); upload(gigabyte/4, -1) })
	both.Go(func() { download(gigabyte, -1); download(gigabyte/4, gigabyte/4) })
	both.Wait()
	most := p.memory("VmHWM")
	t.Logf("2.5 GiB in %v; %d MiB when idle, %d MiB more at most", time.Since(began).Round(time.Millisecond), idle>>20, (most-idle)>>20)
	require.Less(t, most-idle, moreMemory)
}
