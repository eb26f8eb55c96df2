package app_test

import "strings"

// rawCase is what a caller writes to a connection, byte by byte. TOKEN stands for an access token that is good for both
// routes and CASE for the name of the case, which is how the upstream's recorder knows what it belongs to.
type rawCase struct {
	name string
	sent string
	// answers are the status codes that Gatehouse answers with before it closes the connection, "" for none. A 200 comes
	// from the upstream.
	answers string
}

const (
	getHead  = "GET /balance?case=CASE HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer TOKEN\r\n"
	postHead = "POST /payments/bolt11?case=CASE HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer TOKEN\r\n"
	// forgedHead is refused when its token has been looked at, before its body was read.
	forgedHead = "POST /payments/bolt11?case=CASE HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer forged\r\n"
	// smuggled is a whole request that its sender does not send as one: it lies in the body of another, or where only one
	// of two readers sees a request begin.
	smuggled = "GET /balance?case=CASE&smuggled HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer TOKEN\r\n\r\n"
	chunked  = "Transfer-Encoding: chunked\r\n"
)

// entitled is how many requests of a case an upstream may see at most, however what is in front of Gatehouse reads them.
func (c rawCase) entitled() int {
	return strings.Count(c.sent, "TOKEN") - strings.Count(c.sent, "smuggled")
}

func rawCases() []rawCase {
	all := [][]rawCase{rawLengths(), rawEncodings(), rawChunks(), rawLines(), rawFields(), rawTargets(), rawSizes(), rawPipelines(), rawUnreadBodies()}
	var cases []rawCase
	for _, some := range all {
		cases = append(cases, some...)
	}
	return cases
}

func rawLengths() []rawCase {
	with := func(fields, body string) string { return postHead + fields + "\r\n" + body }
	return []rawCase{
		{"a length", with("Content-Length: 5\r\n", "hello"), "200"},
		{"no body", with("", ""), "200"},
		{"length zero", with("Content-Length: 0\r\n", ""), "200"},
		{"length with zeros before", with("Content-Length: 0005\r\n", "hello"), "200"},
		{"length in white space", with("Content-Length: \t 5 \t\r\n", "hello"), "200"},
		{"two lengths that conflict", with("Content-Length: 5\r\nContent-Length: 6\r\n", "hello!"), "400"},
		{"two lengths that agree", with("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), "400"},
		{"two lengths, one of them in other letters", with("Content-Length: 0\r\ncontent-LENGTH: 119\r\n", smuggled), "400"},
		{"listed lengths", with("Content-Length: 5, 5\r\n", "hello"), "400"},
		{"length with a plus", with("Content-Length: +5\r\n", "hello"), "400"},
		{"length with a minus", with("Content-Length: -5\r\n", "hello"), "400"},
		{"minus nothing", with("Content-Length: -0\r\n", ""), "400"},
		{"empty length", with("Content-Length:\r\n", ""), "400"},
		{"length in hexadecimal", with("Content-Length: 0x5\r\n", "hello"), "400"},
		{"length with an exponent", with("Content-Length: 5e0\r\n", "hello"), "400"},
		{"length with a point", with("Content-Length: 5.0\r\n", "hello"), "400"},
		{"length with a space inside", with("Content-Length: 1 1\r\n", "hello"), "400"},
		{"length with a vertical tab", with("Content-Length: \v5\r\n", "hello"), "400"},
		{"length in quotes", with("Content-Length: \"5\"\r\n", "hello"), "400"},
		{"length that overflows", with("Content-Length: 18446744073709551621\r\n", "hello"), "400"},
		{"length that overflows a signed one", with("Content-Length: 9223372036854775808\r\n", "hello"), "400"},
		{"length with a space before the colon", with("Content-Length : 5\r\n", "hello"), "400"},
		{"length with a tab before the colon", with("Content-Length\t: 119\r\n", smuggled), "400"},
		{"length after a NUL", with("\x00Content-Length: 119\r\n", smuggled), "400"},
		{"length of a GET", getHead + "Content-Length: 5\r\n\r\nhello", "200"},
		{"less than the length", with("Content-Length: 50\r\n", "hello"), "408"},
		{"much less than the length", with("Content-Length: 50000\r\n", "hello"), "408"},
	}
}

func rawEncodings() []rawCase {
	chunks := "5\r\nhello\r\n0\r\n\r\n"
	with := func(fields string) string { return postHead + fields + "\r\n" + chunks }
	return []rawCase{
		{"chunked", with(chunked), "200"},
		{"chunked in other letters", with("transfer-encoding: CHUNKED\r\n"), "200"},
		{"chunked and a length", with(chunked + "Content-Length: 5\r\n"), "400"},
		{"a length and chunked", with("Content-Length: 15\r\n" + chunked), "400"},
		{"chunked and length zero, with a request behind", postHead + "Content-Length: 0\r\n" + chunked + "\r\n0\r\n\r\n" + smuggled, "400"},
		{"chunked and a long length, with a request inside", postHead + "Content-Length: 124\r\n" + chunked + "\r\n0\r\n\r\n" + smuggled, "400"},
		{"identity", with("Transfer-Encoding: identity\r\n"), "400"},
		{"identity and a length", postHead + "Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello", "400"},
		{"gzip", with("Transfer-Encoding: gzip\r\n"), "400"},
		{"gzip, chunked", with("Transfer-Encoding: gzip, chunked\r\n"), "400"},
		{"chunked, gzip", with("Transfer-Encoding: chunked, gzip\r\n"), "400"},
		{"chunked, chunked", with("Transfer-Encoding: chunked, chunked\r\n"), "400"},
		{"chunked, identity", with("Transfer-Encoding: chunked, identity\r\n"), "400"},
		{"chunked twice", with(chunked + chunked), "400"},
		{"chunked, then identity", with(chunked + "Transfer-Encoding: identity\r\n"), "400"},
		{"xchunked", with("Transfer-Encoding: xchunked\r\n"), "400"},
		{"chunkedx", with("Transfer-Encoding: chunkedx\r\n"), "400"},
		{"chunked;", with("Transfer-Encoding: chunked;\r\n"), "400"},
		{"chunked in quotes", with("Transfer-Encoding: \"chunked\"\r\n"), "400"},
		{"chunked,", with("Transfer-Encoding: chunked,\r\n"), "400"},
		{", chunked", with("Transfer-Encoding: , chunked\r\n"), "400"},
		{"an empty encoding", with("Transfer-Encoding:\r\n"), "400"},
		{"chunked after a tab", with("Transfer-Encoding:\tchunked\r\n"), "200"},
		{"chunked after a vertical tab", with("Transfer-Encoding: \vchunked\r\n"), "400"},
		{"chunked before a NUL", with("Transfer-Encoding: chunked\x00\r\n"), "400"},
		{"chunked before a CR", with("Transfer-Encoding: chunked\r\r\n"), "400"},
		{"chunked on the next line", with("Transfer-Encoding:\r\n chunked\r\n"), "400"},
		{"chunked, going on", with("Transfer-Encoding: chunked\r\n , identity\r\n"), "400"},
		{"a space before the colon", with("Transfer-Encoding : chunked\r\n"), "400"},
		{"a space before the name", with(" Transfer-Encoding: chunked\r\n"), "400"},
		{"a NUL in the name", with("Transfer\x00-Encoding: chunked\r\n"), "400"},
		{"after a bare LF", with("X: y\nTransfer-Encoding: chunked\r\n"), "400"},
		{"after a bare CR", with("X: y\rTransfer-Encoding: chunked\r\n"), "400"},
		{"an underscore, and a request behind", postHead + "Transfer_Encoding: chunked\r\n\r\n" + "0\r\n\r\n" + smuggled, "200 400"},
		{"in HTTP/1.0", strings.Replace(with(chunked), "HTTP/1.1", "HTTP/1.0", 1), "400"},
		{"in HTTP/1.0, with a length", strings.Replace(postHead, "HTTP/1.1", "HTTP/1.0", 1) + chunked + "Content-Length: 5\r\n\r\n0\r\n\r\n", "400"},
	}
}

func rawChunks() []rawCase {
	with := func(body string) string { return postHead + chunked + "\r\n" + body }
	return []rawCase{
		{"chunks", with("2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"), "200"},
		{"chunk in capitals", with("A\r\n0123456789\r\n0\r\n\r\n"), "200"},
		{"chunk with an extension", with("5;name=value\r\nhello\r\n0;last\r\n\r\n"), "200"},
		{"chunk with zeros before", with("0000005\r\nhello\r\n000\r\n\r\n"), "200"},
		{"no chunk but the last", with("0\r\n\r\n"), "200"},
		{"trailers", with("5\r\nhello\r\n0\r\nX-Checksum: 1\r\nX-More: 2\r\n\r\n"), "200"},
		{"chunk too long for anyone", with("ffffffffffffffff\r\nhello\r\n0\r\n\r\n"), "400"},
		{"chunk that overflows", with("10000000000000005\r\nhello\r\n0\r\n\r\n"), "400"},
		{"chunk that overflows 32 bits", with("100000005\r\nhello\r\n0\r\n\r\n"), "408"},
		{"chunk with a minus", with("-5\r\nhello\r\n0\r\n\r\n"), "400"},
		{"chunk with a plus", with("+5\r\nhello\r\n0\r\n\r\n"), "400"},
		{"chunk with 0x", with("0x5\r\nhello\r\n0\r\n\r\n"), "400"},
		{"chunk with an underscore", with("0_5\r\nhello\r\n0\r\n\r\n"), "400"},
		{"chunk after a space", with(" 5\r\nhello\r\n0\r\n\r\n"), "400"},
		{"chunk before a space", with("5 \r\nhello\r\n0\r\n\r\n"), "400"},
		{"chunk before a space and an extension", with("5 ;a=b\r\nhello\r\n0\r\n\r\n"), "400"},
		{"chunk without a size", with("\r\nhello\r\n0\r\n\r\n"), "400"},
		{"extension without a size", with(";a=b\r\nhello\r\n0\r\n\r\n"), "400"},
		{"chunk with a letter", with("5g\r\nhello\r\n0\r\n\r\n"), "400"},
		{"chunk after a bare LF", with("5\nhello\r\n0\r\n\r\n"), "400"},
		{"extension with a bare LF", with("5;a\nhello\r\n0\r\n\r\n"), "400"},
		{"extension with a bare CR", with("5;a\rb\r\nhello\r\n0\r\n\r\n"), "400"},
		{"extension with a NUL", with("5;a\x00b\r\nhello\r\n0\r\n\r\n"), "400"},
		{"extension without an end", with("5;" + strings.Repeat("a", 5000) + "\r\nhello\r\n0\r\n\r\n"), "400"},
		{"extensions that cost more than they carry", with(strings.Repeat("1;"+strings.Repeat("a", 200)+"\r\nx\r\n", 200) + "0\r\n\r\n"), "400"},
		{"chunk that ends in a bare LF", with("5\r\nhello\n0\r\n\r\n"), "400"},
		{"chunk that ends in nothing", with("5\r\nhello0\r\n\r\n"), "400"},
		{"chunk longer than its size", with("5\r\nhello!\r\n0\r\n\r\n"), "400"},
		{"chunk shorter than its size", with("6\r\nhello\r\n0\r\n\r\n"), "400"},
		{"chunk that ends in two spaces", with("5\r\nhello  0\r\n\r\n"), "400"},
		{"last chunk after a bare LF", with("5\r\nhello\r\n0\n\r\n"), "400"},
		{"last chunk before a bare LF", with("5\r\nhello\r\n0\r\n\n"), "400"},
		{"no last chunk", with("5\r\nhello\r\n"), "408"},
		{"no end of the trailers", with("5\r\nhello\r\n0\r\n"), "408"},
		{"trailer without a colon", with("0\r\nX\r\n\r\n"), "400"},
		{"trailer with a space before the colon", with("0\r\nX : 1\r\n\r\n"), "400"},
		{"trailer that goes on", with("0\r\nX: 1\r\n 2\r\n\r\n"), "400"},
		{"trailer with a NUL", with("0\r\nX: 1\x00\r\n\r\n"), "400"},
		{"trailer after a bare LF", with("0\r\nX: 1\nY: 2\r\n\r\n"), "400"},
		{"trailer that is a length", with("0\r\nContent-Length: 119\r\n\r\n" + getHead + "\r\n"), "200 200"},
		{"trailer that is an encoding", with("0\r\nTransfer-Encoding: chunked\r\n\r\n"), "200"},
		{"trailer that is a host", with("0\r\nHost: other\r\n\r\n"), "200"},
		{"trailer that is a token", with("0\r\nAuthorization: Bearer other\r\n\r\n"), "200"},
		{"trailer that is an identity", with("0\r\nX-Gatehouse-Subject: 8\r\nX_Gatehouse_Subject: 8\r\n\r\n"), "200"},
		{"trailers without an end", with("0\r\n" + strings.Repeat("X: "+strings.Repeat("y", 100)+"\r\n", 200)), "400"},
	}
}

func rawLines() []rawCase {
	line := func(text string) string {
		return strings.Replace(getHead, "GET /balance?case=CASE HTTP/1.1\r\n", text, 1) + "\r\n"
	}
	return []rawCase{
		{"a request", getHead + "\r\n", "200"},
		{"an empty line before", "\r\n" + getHead + "\r\n", "400"},
		{"two empty lines before", "\r\n\r\n" + getHead + "\r\n", "400"},
		{"a bare LF before", "\n" + getHead + "\r\n", "400"},
		{"a space before", " " + getHead + "\r\n", "400"},
		{"a bare LF after the request line", line("GET /balance?case=CASE HTTP/1.1\n"), "400"},
		{"a bare CR after the request line", line("GET /balance?case=CASE HTTP/1.1\r"), "400"},
		{"two CRs after the request line", line("GET /balance?case=CASE HTTP/1.1\r\r\n"), "400"},
		{"bare LFs everywhere", strings.ReplaceAll(getHead+"\r\n", "\r\n", "\n"), "400"},
		{"bare CRs everywhere", strings.ReplaceAll(getHead+"\r\n", "\r\n", "\r"), "408"},
		{"a bare LF at the end", getHead + "\n", "400"},
		{"a CR and two LFs at the end", strings.TrimSuffix(getHead, "\r\n") + "\r\n\n", "400"},
		{"two spaces after the method", line("GET  /balance?case=CASE HTTP/1.1\r\n"), "400"},
		{"two spaces before the version", line("GET /balance?case=CASE  HTTP/1.1\r\n"), "400"},
		{"a tab after the method", line("GET\t/balance?case=CASE HTTP/1.1\r\n"), "400"},
		{"a tab before the version", line("GET /balance?case=CASE\tHTTP/1.1\r\n"), "400"},
		{"a space in the target", line("GET /balance?case=CASE &x HTTP/1.1\r\n"), "400"},
		{"something after the version", line("GET /balance?case=CASE HTTP/1.1 x\r\n"), "400"},
		{"a space after the version", line("GET /balance?case=CASE HTTP/1.1 \r\n"), "400"},
		{"no version", line("GET /balance?case=CASE\r\n"), "400"},
		{"HTTP/0.9", line("GET /balance?case=CASE HTTP/0.9\r\n"), "400"},
		{"HTTP/1.2", line("GET /balance?case=CASE HTTP/1.2\r\n"), "400"},
		{"HTTP/2.0", line("GET /balance?case=CASE HTTP/2.0\r\n"), "400"},
		{"HTTP/1.10", line("GET /balance?case=CASE HTTP/1.10\r\n"), "400"},
		{"HTTP/01.1", line("GET /balance?case=CASE HTTP/01.1\r\n"), "400"},
		{"http/1.1", line("GET /balance?case=CASE http/1.1\r\n"), "400"},
		{"HTTP/1.0", line("GET /balance?case=CASE HTTP/1.0\r\n"), "200"},
		{"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400"},
		{"no method", line(" /balance?case=CASE HTTP/1.1\r\n"), "400"},
		{"a method that is no token", line("G@T /balance?case=CASE HTTP/1.1\r\n"), "400"},
		{"a method with a NUL", line("GET\x00 /balance?case=CASE HTTP/1.1\r\n"), "400"},
		{"a method in other letters", line("get /balance?case=CASE HTTP/1.1\r\n"), "405"},
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "400"},
		{"TLS with a line", "\x16\x03\x01\x02\x00\x01\x00\n\xfc\x03\x03", "400"},
		{"nothing but bytes", strings.Repeat("\x00", 1000), "400"},
	}
}

func rawFields() []rawCase {
	with := func(fields string) string { return getHead + fields + "\r\n" }
	host := func(fields string) string { return strings.Replace(getHead, "Host: h\r\n", fields, 1) + "\r\n" }
	return []rawCase{
		{"a field", with("X-Field: value\r\n"), "200"},
		{"a field without a value", with("X-Field:\r\n"), "200"},
		{"a field that goes on", with("X-Field: a\r\n b\r\n"), "400"},
		{"a field that goes on with a tab", with("X-Field: a\r\n\tb\r\n"), "400"},
		{"the first field goes on", strings.Replace(getHead, "Host", " Host", 1) + "\r\n", "400"},
		{"a field after a bare LF", with("X-Field: a\nY: b\r\n"), "400"},
		{"a field after a bare CR", with("X-Field: a\rY: b\r\n"), "400"},
		{"a request after a bare CR", with("X-Field: a\r\r\n" + smuggled), "400"},
		{"a NUL in a value", with("X-Field: a\x00b\r\n"), "400"},
		{"a control character in a value", with("X-Field: a\x01b\r\n"), "400"},
		{"DEL in a value", with("X-Field: a\x7fb\r\n"), "400"},
		{"a NUL in a name", with("X\x00Field: a\r\n"), "400"},
		{"a name with a space", with("X Field: a\r\n"), "400"},
		{"a name that is no token", with("X(Field): a\r\n"), "400"},
		{"a name beyond ASCII", with("X-F\xc3\xafeld: a\r\n"), "400"},
		{"a field without a name", with(": a\r\n"), "400"},
		{"a field without a colon", with("X-Field\r\n"), "400"},
		{"two tokens", with("Authorization: Bearer TOKEN\r\n"), "400"},
		{"a token and another in other letters", with("AUTHORIZATION: Bearer forged\r\n"), "400"},
		{"no host", host(""), "400"},
		{"an empty host", host("Host:\r\n"), "400"},
		{"two hosts", host("Host: h\r\nHost: h\r\n"), "400"},
		{"two hosts that differ", host("Host: h\r\nhost: other\r\n"), "400"},
		{"a host with a space", host("Host: h other\r\n"), "400"},
		{"a host with a slash", host("Host: h/balance\r\n"), "400"},
		{"a host with a user", host("Host: user@h\r\n"), "400"},
		{"a host with a question mark", host("Host: h?x\r\n"), "400"},
		{"a host with a comma", host("Host: h,other\r\n"), "400"},
		{"a host in quotes", host("Host: \"h\"\r\n"), "400"},
		{"a host beyond ASCII", host("Host: h\xc3\xb6st\r\n"), "400"},
		{"a host with a port", host("Host: h:8080\r\n"), "200"},
		{"a host with a port that is none", host("Host: h:http\r\n"), "400"},
		{"a host that is an address", host("Host: [::1]:8080\r\n"), "200"},
		{"HTTP/1.0 without a host", strings.Replace(host(""), "HTTP/1.1", "HTTP/1.0", 1), "200"},
	}
}

func rawTargets() []rawCase {
	target := func(method, text string) string {
		return strings.Replace(getHead, "GET /balance?case=CASE ", method+" "+text+" ", 1) + "\r\n"
	}
	return []rawCase{
		{"absolute form", target("GET", "http://h/balance?case=CASE"), "400"},
		{"absolute form of another host", target("GET", "http://other/balance?case=CASE"), "400"},
		{"absolute form without a path", target("GET", "http://h"), "400"},
		{"a scheme that does not matter", target("GET", "gopher://h/balance?case=CASE"), "400"},
		{"no slash", target("GET", "balance?case=CASE"), "400"},
		{"an at sign", target("GET", "@other/balance?case=CASE"), "400"},
		{"two slashes", target("GET", "//other/balance?case=CASE"), "400"},
		{"an asterisk", target("OPTIONS", "*"), "400"},
		{"an asterisk for GET", target("GET", "*"), "400"},
		{"CONNECT", target("CONNECT", "h:80"), "400"},
		{"CONNECT with a path", target("CONNECT", "/balance?case=CASE"), "400"},
		{"a fragment", target("GET", "/balance?case=CASE#x"), "400"},
		{"a backslash", target("GET", "\\balance?case=CASE"), "400"},
		{"a NUL", target("GET", "/balance\x00?case=CASE"), "400"},
		{"a CR", target("GET", "/balance\r?case=CASE"), "400"},
		{"bytes beyond ASCII", target("GET", "/balance\xff?case=CASE"), "400"},
		{"a NUL in the query", target("GET", "/balance?case=CASE&\x00"), "400"},
		{"a request in the target", target("GET", "/balance?x=%20HTTP/1.1%0d%0aX:%20y&case=CASE"), "200"},
		{"a request in the path", target("GET", "/balance%20HTTP/1.1%0d%0a?case=CASE"), "400"},
	}
}

func rawSizes() []rawCase {
	return []rawCase{
		{"a long header that is allowed", getHead + "X-Long: " + strings.Repeat("a", 10_000) + "\r\n\r\n", "200"},
		{"a header that is too long", getHead + "X-Long: " + strings.Repeat("a", 20_000) + "\r\n\r\n", "431"},
		{"a header without an end", getHead + "X-Long: " + strings.Repeat("a", 20_000), "431"},
		{"a name that is too long", getHead + strings.Repeat("a", 20_000) + ": a\r\n\r\n", "431"},
		{"a target that is too long", strings.Replace(getHead, "case=CASE", "case=CASE&"+strings.Repeat("a", 20_000), 1) + "\r\n", "431"},
		{"a target without an end", "GET /" + strings.Repeat("a", 20_000), "431"},
		{"a method that is too long", strings.Repeat("A", 20_000) + " / HTTP/1.1\r\n\r\n", "431"},
		{"as many fields as may be", getHead + strings.Repeat("X-Field: a\r\n", 98) + "\r\n", "200"},
		{"more fields than may be", getHead + strings.Repeat("X-Field: a\r\n", 99) + "\r\n", "431"},
		{"a body that is too long", postHead + "Content-Length: 5000001\r\n\r\n" + smuggled, "413"},
		{"a body that is too long, in chunks", postHead + chunked + "\r\n500001\r\n" + smuggled, "408"},
	}
}

func rawPipelines() []rawCase {
	get := getHead + "\r\n"
	post := postHead + "Content-Length: 5\r\n\r\nhello"
	pieces := postHead + chunked + "\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
	forged := strings.Replace(get, "TOKEN", "forged", 1)
	return []rawCase{
		{"two requests", get + get, "200 200"},
		{"many requests", strings.Repeat(get+post+pieces, 4), strings.TrimSpace(strings.Repeat("200 ", 12))},
		{"each is authorized by itself", get + forged + get + forged + post, "200 401 200 401 200"},
		{"a refusal does not carry over", forged + get, "401 200"},
		{"a malformed one ends it", get + "GET / HTTP/9\r\n\r\n" + get, "200 400"},
		{"a bare LF ends it", get + strings.ReplaceAll(get, "\r\n", "\n") + get, "200 400"},
		{"two lengths end it", get + postHead + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello" + get, "200 400"},
		{"an early answer ends it", forgedHead + "Content-Length: 5\r\n\r\nhello" + get, "401"},
		{"bytes between requests", post + "\r\n" + get, "200"},
		{"more body than its length", postHead + "Content-Length: 5\r\n\r\nhelloworld\r\n\r\n", "200 400"},
		{"a body after a GET", get + "hello\r\n\r\n", "200 400"},
		{"after it said close", getHead + "Connection: close\r\n\r\n" + smuggled, "200"},
		{"after HTTP/1.0", strings.Replace(get, "HTTP/1.1", "HTTP/1.0", 1) + smuggled, "200"},
	}
}

// rawUnreadBodies hold a whole request in a body that nobody reads, because the answer does not depend on it.
func rawUnreadBodies() []rawCase {
	length := "Content-Length: 3000\r\n\r\n" + smuggled
	long := "Content-Length: 1000000\r\n\r\n" + strings.Repeat(smuggled, 200)
	chunk := chunked + "\r\n3000\r\n" + smuggled
	unknown := func(method, path, rest string) string {
		return method + " " + path + " HTTP/1.1\r\nHost: h\r\n" + rest
	}
	var cases []rawCase
	for name, body := range map[string]string{"a length": length, "a long length": long, "chunks": chunk} {
		cases = append(cases,
			rawCase{"401 with " + name, forgedHead + body, "401"},
			rawCase{"404 with " + name, unknown("POST", "/nowhere", body), "404"},
			rawCase{"405 with " + name, unknown("PUT", "/balance", body), "405"},
			rawCase{"405 of an unknown method with " + name, unknown("BREW", "/balance", body), "405"},
			rawCase{"400 with " + name, unknown("POST", "/payments//bolt11", body), "400"},
			rawCase{"an answer before 100 with " + name, forgedHead + "Expect: 100-continue\r\n" + body, "401"},
		)
	}
	return append(cases,
		rawCase{"413 with a length", postHead + "Content-Length: 100000000\r\n\r\n" + smuggled, "413"},
		rawCase{"413 of an OAuth endpoint", unknown("POST", "/oauth/token", "Content-Length: 1000000\r\n\r\n"+strings.Repeat(smuggled, 2000)), "413"},
	)
}
