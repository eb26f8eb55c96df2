package gatewaytest

import (
	"fmt"
	"strings"
)

// OK is an answer.
const OK = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"

// ChunkedHead is the head of an answer in chunks.
const ChunkedHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

// WithLength is an answer of 200 with a body, which says its length.
func WithLength(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// Raw makes one request out of method and target, and header lines.
func Raw(line string, lines ...string) string {
	return line + " HTTP/1.1\r\nHost: gateway.example\r\n" + strings.Join(append(lines, "\r\n"), "\r\n")
}

// RawWithBody is Raw with a body and its length.
func RawWithBody(body, line string, lines ...string) string {
	return Raw(line, append(lines, fmt.Sprintf("Content-Length: %d", len(body)))...) + body
}
