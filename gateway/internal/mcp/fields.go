package mcp

import (
	"encoding/base64"
	"strings"
	"time"
)

// What is wrong with the fields that repeat what a message says.
const (
	TwoFields       Unreadable = "A field that repeats what the message says is there more than once."
	BadVersion      Unreadable = "The MCP-Protocol-Version is no date."
	VersionDiffers  Unreadable = "The MCP-Protocol-Version is not the one that the message says."
	MethodDiffers   Unreadable = "The field Mcp-Method is not the method of the message."
	NameDiffers     Unreadable = "The field Mcp-Name is not what the message is about."
	MethodIsMissing Unreadable = "The field Mcp-Method is missing, which this version of the protocol demands."
	NameIsMissing   Unreadable = "The field Mcp-Name is missing, which this version of the protocol demands."
)

// repeating is the first version in which fields repeat what the body says, and servers have to compare them.
const repeating = "2026-07-28"

// compare holds the fields to what the body says. Whatever lies behind may decide by the ones or by the other.
func (b *body) compare(header func(name string) (value string, times int)) error {
	version, versions := header("mcp-protocol-version")
	method, methods := header("mcp-method")
	name, names := header("mcp-name")
	switch {
	case versions > 1 || methods > 1 || names > 1:
		return TwoFields
	case versions == 1 && !isDate(version):
		return BadVersion
	case versions == 1 && b.version != "" && b.version != version:
		return VersionDiffers
	case methods == 1 && method != b.method:
		return MethodDiffers
	case names == 1 && b.name != "" && plain(name) != b.name:
		return NameDiffers
	}
	if !b.isRequest || b.method == "" || max(version, b.version) < repeating {
		return nil
	}
	switch {
	case methods == 0:
		return MethodIsMissing
	case names == 0 && b.name != "":
		return NameIsMissing
	}
	return nil
}

func isDate(version string) bool {
	_, err := time.Parse(time.DateOnly, version)
	return err == nil
}

// plain is what a field says that may be encoded because its value is not safe in a header. One that is encoded badly is left as it is.
func plain(value string) string {
	encoded, begins := strings.CutPrefix(value, "=?base64?")
	encoded, ends := strings.CutSuffix(encoded, "?=")
	if !begins || !ends {
		return value
	}
	decoded, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return value
	}
	return string(decoded)
}
