package document

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

const (
	defaultTimeout = 5 * time.Second
	// maxSize is what is read of an answer, and maxHeader of its header.
	maxSize   = 64 << 10
	maxHeader = 16 << 10
)

// fetcher gets what a stranger names. It speaks to public addresses only, whatever names lead to, and trusts nothing that an
// answer says about where to go.
type fetcher struct {
	client  *http.Client
	timeout time.Duration
}

func newFetcher(config Config) fetcher {
	f := fetcher{timeout: config.Timeout}
	if f.timeout == 0 {
		f.timeout = defaultTimeout
	}
	dialer := &net.Dialer{
		Timeout:  f.timeout,
		Resolver: config.Resolver,
		// The address here is the one that is dialled: what a name leads to later changes nothing.
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			return checkAddress(address, config.Allow)
		},
	}
	f.client = &http.Client{
		Transport: &http.Transport{
			Proxy:                  nil, // that of the environment would dial for us
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: config.RootCAs, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    f.timeout,
			ResponseHeaderTimeout:  f.timeout,
			MaxResponseHeaderBytes: maxHeader,
			DisableCompression:     true,
			DisableKeepAlives:      true, // nobody's connection stays open here
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return f
}

// checkAddress refuses what is neither public nor allowed.
func checkAddress(address string, allow func(netip.Addr) bool) error {
	there, err := netip.ParseAddrPort(address)
	if err != nil {
		return errors.New("it is no address")
	}
	if ip := there.Addr(); !isPublic(ip) && (allow == nil || !allow(ip.Unmap())) {
		return errors.New("its host is not on the public internet")
	}
	return nil
}

// get returns the JSON at a URL, and its header. It takes no longer than the timeout. The error wraps ErrUnreachable.
func (f fetcher) get(ctx context.Context, from *url.URL) ([]byte, http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, from.String(), nil)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Accept-Encoding", "identity")
	request.Header.Set("User-Agent", "gatehouse")
	response, err := f.client.Do(request)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	defer func() { _ = response.Body.Close() }()
	if err := checkHead(response); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxSize+1))
	if err == nil && len(text) > maxSize {
		err = fmt.Errorf("it is larger than %d bytes", maxSize)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return text, response.Header, nil
}

// checkHead accepts 200 with JSON as it is. A compressed answer is refused, however small it says that it is.
func checkHead(response *http.Response) error {
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the answer is %d", response.StatusCode)
	}
	for _, encoding := range response.Header.Values("Content-Encoding") {
		if !strings.EqualFold(strings.TrimSpace(encoding), "identity") {
			return errors.New("the answer is compressed, which was not asked for")
		}
	}
	if response.ContentLength > maxSize {
		return fmt.Errorf("it is larger than %d bytes", maxSize)
	}
	if !isJSON(response.Header.Get("Content-Type")) {
		return errors.New("the answer is not JSON")
	}
	return nil
}

// isJSON holds for application/json and application/…+json in UTF-8.
func isJSON(contentType string) bool {
	media, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	if charset, ok := parameters["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return false
	}
	return media == "application/json" || strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")
}
