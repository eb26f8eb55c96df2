package mcp_test

import (
	"encoding/base64"
	"net/textproto"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/gateway/internal/mcp"
)

const (
	call    = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"pay","arguments":{"sat":1}}}`
	current = "2026-07-28"
)

// read reads a message with header fields, given as name and value in turn.
func read(body string, fields ...string) (mcp.Message, error) {
	header := textproto.MIMEHeader{}
	for i := 0; i < len(fields); i += 2 {
		header.Add(fields[i], fields[i+1])
	}
	return mcp.Read(&mcp.Request{
		Body: []byte(body), ContentType: "application/json",
		Header: func(name string) (string, int) {
			values := header.Values(name)
			if len(values) == 0 {
				return "", 0
			}
			return values[len(values)-1], len(values)
		},
	})
}

func TestWhatAMessageAsksFor(t *testing.T) {
	for body, want := range map[string]mcp.Message{
		call: {Method: "tools/call", Tool: "pay"},
		`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`:                                                         {Method: "tools/list"},
		`{"jsonrpc":"2.0","method":"notifications/initialized","params":null}`:                                   {Method: "notifications/initialized"},
		`{"jsonrpc":"2.0","id":"a","method":"prompts/get","params":{"name":"pay"}}`:                              {Method: "prompts/get"},
		`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:///ü"}}`:                        {Method: "resources/read"},
		`{"jsonrpc":"2.0","id":1,"result":{"name":"pay"}}`:                                                       {},
		`{"method":"tools\/call","params":{"n\u0061me":"p\u0061y"},"id":1}`:                                      {Method: "tools/call", Tool: "pay"},
		`{"id":1,"method":"tools/call","params":{"name":"read","arguments":{"name":"pay","NAME":"pay"}}}` + "\n": {Method: "tools/call", Tool: "read"},
	} {
		got, err := read(body)
		require.NoError(t, err, body)
		require.Equal(t, want, got, body)
	}
}

func TestMessagesThatCouldBeReadInTwoWaysAreRefused(t *testing.T) {
	for body, want := range map[string]mcp.Unreadable{
		"":                    mcp.NotAMessage,
		`"tools/call"`:        mcp.NotAMessage,
		call + call:           mcp.NotAMessage,
		"\xef\xbb\xbf" + call: mcp.NotAMessage,
		"[" + call + "]":      mcp.Batch,
		" \n[]":               mcp.Batch,
		strings.Replace(call, `"id":1`, `"method":"tools/list"`, 1):                            mcp.Duplicate,
		strings.Replace(call, `"name":"pay"`, `"name":"read","n\u0061me":"pay"`, 1):            mcp.Duplicate,
		strings.Replace(call, `"id":1`, `"Method":"tools/list"`, 1):                            mcp.CaseDiffers,
		strings.Replace(call, `"id":1`, `"Params":{"name":"read"}`, 1):                         mcp.CaseDiffers,
		strings.Replace(call, `"id":1`, `"ID":1`, 1):                                           mcp.CaseDiffers,
		strings.Replace(call, `"arguments"`, `"Name"`, 1):                                      mcp.CaseDiffers,
		strings.Replace(call, `"arguments"`, `"_Meta"`, 1):                                     mcp.CaseDiffers,
		`{"id":1,"method":"resources/read","params":{"uri":"a","URI":"b"}}`:                    mcp.CaseDiffers,
		strings.Replace(call, `"tools/call"`, `null`, 1):                                       mcp.BadMethod,
		strings.Replace(call, `"tools/call"`, `["tools/call"]`, 1):                             mcp.BadMethod,
		strings.Replace(call, `"tools/call"`, `"tools/call "`, 1):                              mcp.BadMethod,
		strings.Replace(call, `"tools/call"`, `"tools/c\u0430ll"`, 1):                          mcp.BadMethod,
		strings.Replace(call, `{"name":"pay","arguments":{"sat":1}}`, `["pay"]`, 1):            mcp.BadParams,
		strings.Replace(call, `,"params":{"name":"pay","arguments":{"sat":1}}`, ``, 1):         mcp.BadName,
		strings.Replace(call, `"pay"`, `["pay"]`, 1):                                           mcp.BadName,
		strings.Replace(call, `"pay"`, `" pay"`, 1):                                            mcp.BadName,
		strings.Replace(call, `"pay"`, `"pa\u0000y"`, 1):                                       mcp.BadName,
		strings.Replace(call, `"pay"`, `"p\ud800y"`, 1):                                        mcp.BadName,
		strings.Replace(call, `{"sat":1}`, strings.Repeat("[", 40)+strings.Repeat("]", 40), 1): mcp.TooDeep,
		`{"id":1,"method":"resources/read","params":{"uri":["a"]}}`:                            mcp.BadURI,
	} {
		_, err := read(body)
		require.Equal(t, want, err, body)
		require.NotContains(t, err.Error(), "pay")
	}
	for _, request := range []mcp.Request{
		{ContentType: ""}, {ContentType: "text/plain"}, {ContentType: "application/json; charset=utf-16"}, {ContentType: "application/json", IsEncoded: true},
	} {
		request.Body, request.Header = []byte(call), func(string) (string, int) { return "", 0 }
		_, err := mcp.Read(&request)
		require.Equal(t, mcp.NotTyped, err)
	}
}

// SEP-2243 and the transport of 2026-07-28, Server Validation.
func TestFieldsThatRepeatAMessageHaveToAgreeWithIt(t *testing.T) {
	encoded := "=?base64?" + base64.StdEncoding.EncodeToString([]byte("pay")) + "?="
	for _, fields := range [][]string{
		{},
		{"Mcp-Protocol-Version", "2025-06-18"},
		{"Mcp-Protocol-Version", "2025-11-25", "Mcp-Method", "tools/call"},
		{"Mcp-Protocol-Version", current, "Mcp-Method", "tools/call", "Mcp-Name", "pay"},
		{"Mcp-Protocol-Version", "2027-01-01", "Mcp-Method", "tools/call", "Mcp-Name", encoded},
	} {
		m, err := read(call, fields...)
		require.NoError(t, err, fields)
		require.Equal(t, mcp.Message{Method: "tools/call", Tool: "pay"}, m)
	}
	for _, test := range []struct {
		want   mcp.Unreadable
		fields []string
	}{
		{mcp.NameDiffers, []string{"Mcp-Name", "read"}},
		{mcp.NameDiffers, []string{"Mcp-Name", ""}},
		{mcp.NameDiffers, []string{"Mcp-Name", "PAY"}},
		{mcp.NameDiffers, []string{"Mcp-Name", "=?base64?cmVhZA==?="}},
		{mcp.NameDiffers, []string{"Mcp-Name", "=?base64?cGF5?"}},
		{mcp.NameDiffers, []string{"Mcp-Name", "=?base64?cGF5!?="}},
		{mcp.NameDiffers, []string{"Mcp-Protocol-Version", current, "Mcp-Method", "tools/call", "Mcp-Name", "read"}},
		{mcp.MethodDiffers, []string{"Mcp-Method", "tools/list"}},
		{mcp.MethodDiffers, []string{"Mcp-Method", "Tools/Call"}},
		{mcp.MethodDiffers, []string{"Mcp-Method", ""}},
		{mcp.TwoFields, []string{"Mcp-Name", "pay", "Mcp-Name", "pay"}},
		{mcp.TwoFields, []string{"Mcp-Method", "tools/call", "Mcp-Method", "tools/call"}},
		{mcp.TwoFields, []string{"Mcp-Protocol-Version", current, "Mcp-Protocol-Version", "2025-06-18"}},
		{mcp.BadVersion, []string{"Mcp-Protocol-Version", ""}},
		{mcp.BadVersion, []string{"Mcp-Protocol-Version", "2026"}},
		{mcp.BadVersion, []string{"Mcp-Protocol-Version", "2026-7-28"}},
		{mcp.MethodIsMissing, []string{"Mcp-Protocol-Version", current, "Mcp-Name", "pay"}},
		{mcp.NameIsMissing, []string{"Mcp-Protocol-Version", current, "Mcp-Method", "tools/call"}},
		{mcp.NameIsMissing, []string{"Mcp-Protocol-Version", "2026-07-29", "Mcp-Method", "tools/call"}},
	} {
		_, err := read(call, test.fields...)
		require.Equal(t, test.want, err, test.fields)
	}
	_, err := read(`{"jsonrpc":"2.0","id":1,"result":{}}`, "Mcp-Method", "tools/call")
	require.Equal(t, mcp.MethodDiffers, err, "an answer has no method")
	_, err = read(`{"jsonrpc":"2.0","method":"notifications/cancelled"}`, "Mcp-Protocol-Version", current)
	require.NoError(t, err, "no field is demanded of a notification")
	_, err = read(`{"id":1,"method":"resources/read","params":{"uri":"file:///a"}}`, "Mcp-Name", "file:///b")
	require.Equal(t, mcp.NameDiffers, err)
}

func TestTheVersionOfAMessageIsThatOfItsField(t *testing.T) {
	versioned := strings.Replace(call, `"name":"pay"`, `"name":"pay","_meta":{"io.modelcontextprotocol/protocolVersion":"`+current+`"}`, 1)
	_, err := read(versioned, "Mcp-Protocol-Version", "2025-06-18")
	require.Equal(t, mcp.VersionDiffers, err)
	_, err = read(versioned)
	require.Equal(t, mcp.MethodIsMissing, err, "what the body says counts where there is no field")
	_, err = read(versioned, "Mcp-Protocol-Version", current, "Mcp-Method", "tools/call", "Mcp-Name", "pay")
	require.NoError(t, err)
}
