package config

import (
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// DatabaseSource says where database_url was configured, for whoever has to change it: a variable of environ, a line of the
// file at path ("" for none), or the default.
func DatabaseSource(path string, environ []string) string {
	const key, oauth2servers = "database_url", "DATABASE_URI"
	for _, name := range []string{environmentName([]string{key}), oauth2servers} { // the first one wins
		for _, variable := range environ {
			if strings.HasPrefix(variable, name+"=") {
				return "environment " + name
			}
		}
	}
	if line := lineOf(path, key); line > 0 {
		return fmt.Sprintf("%s, line %d", path, line)
	}
	return "the default"
}

// lineOf is the line on which the file has the key, or 0. What is wrong with the file was reported when it was read.
func lineOf(path, key string) int {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	var document yaml.Node
	if yaml.Unmarshal(data, &document) != nil || len(document.Content) != 1 {
		return 0
	}
	pairs := document.Content[0].Content
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i].Value == key {
			return pairs[i].Line
		}
	}
	return 0
}
