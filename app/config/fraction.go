package config

import (
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// fractions reports each key that wants a whole number and has one with a point or an exponent in the file. The YAML
// package would cut off what is behind the point.
func fractions(data []byte) []error {
	var file yaml.Node
	if err := yaml.Unmarshal(data, &file); err != nil || len(file.Content) == 0 {
		return nil // it was reported, or there is nothing
	}
	return fractionsAt("", file.Content[0], reflect.TypeFor[Config]())
}

// fractionsAt is about the value of a key, which is decoded into that type.
func fractionsAt(key string, value *yaml.Node, into reflect.Type) (problems []error) {
	if value.Kind == yaml.AliasNode {
		value = value.Alias
	}
	switch {
	case value.Kind == yaml.MappingNode && into.Kind() == reflect.Struct:
		for i := 0; i+1 < len(value.Content); i += 2 {
			problems = append(problems, fractionsOf(key, value.Content[i], value.Content[i+1], into)...)
		}
	case value.Kind == yaml.SequenceNode && into.Kind() == reflect.Slice:
		for i, element := range value.Content {
			problems = append(problems, fractionsAt(fmt.Sprintf("%s[%d]", key, i), element, into.Elem())...)
		}
	case value.ShortTag() == "!!float" && (into.Kind() == reflect.Int || into == reflect.TypeFor[int64]()): // not a duration
		problems = append(problems, fmt.Errorf("line %d: %s: want a whole number, in digits", value.Line, key))
	}
	return problems
}

// fractionsOf is about one entry of the mapping under a key.
func fractionsOf(key string, name, value *yaml.Node, structure reflect.Type) []error {
	if name.ShortTag() == "!!merge" { // <<: the keys of another mapping, or of several, are keys of this one
		if value.Kind == yaml.SequenceNode {
			structure = reflect.SliceOf(structure)
		}
		return fractionsAt(key, value, structure)
	}
	for i := range structure.NumField() {
		if field := structure.Field(i); field.Tag.Get("yaml") == name.Value && name.Value != noKey {
			return fractionsAt(strings.TrimPrefix(key+"."+name.Value, "."), value, field.Type)
		}
	}
	return nil
}
