package cluster_test

import (
	"bufio"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// vitals are what a process holds.
type vitals struct {
	resident, heap          int64 // bytes
	goroutines, descriptors int
}

func (v vitals) String() string {
	return fmt.Sprintf("%4d MB resident, %3d MB heap, %4d goroutines, %4d descriptors",
		v.resident>>20, v.heap>>20, v.goroutines, v.descriptors)
}

// vitals reads what the process says of itself.
func (s *server) vitals(t *testing.T) vitals {
	t.Helper()
	read := s.metrics(t)
	require.Contains(t, read, "process_open_fds", "%s has no metrics of its process", s.name)
	return vitals{
		resident:    int64(read["process_resident_memory_bytes"]),
		heap:        int64(read["go_memstats_heap_inuse_bytes"]),
		goroutines:  int(read["go_goroutines"]),
		descriptors: int(read["process_open_fds"]),
	}
}

// metrics are those of the process, by name and labels.
func (s *server) metrics(t *testing.T) map[string]float64 {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.admin+"/metrics", nil)
	require.NoError(t, err)
	request.Close = true // so that looking leaves nothing behind
	response, err := caller.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	read := make(map[string]float64)
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		name, text, _ := strings.Cut(lines.Text(), " ")
		if value, err := strconv.ParseFloat(text, 64); err == nil {
			read[name] = value
		}
	}
	return read
}
