package strictjson

import (
	"mime"
	"strings"
)

// IsJSON holds for a Content-Type with which everybody reads the body as JSON in UTF-8.
func IsJSON(contentType string) bool {
	kind, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "application/json" {
		return false
	}
	for name, value := range parameters {
		if name != "charset" || !strings.EqualFold(value, "utf-8") {
			return false
		}
	}
	return true
}
