package strictjson

import "errors"

// Members reads members of an object, and collects in Err which are not of their kind. So what is needed of an object is read first,
// and judged then.
type Members struct {
	Object Object
	Err    error
}

// Text is Object.Text.
func (m *Members) Text(name string) string { return member(m, Object.Text, name) }

// Texts is Object.Texts.
func (m *Members) Texts(name string) []string { return member(m, Object.Texts, name) }

// Flag is Object.Flag.
func (m *Members) Flag(name string) bool { return member(m, Object.Flag, name) }

// Inner is Object.Object.
func (m *Members) Inner(name string) Object { return member(m, Object.Object, name) }

func member[T any](m *Members, read func(Object, string) (T, error), name string) T {
	value, err := read(m.Object, name)
	m.Err = errors.Join(m.Err, err)
	return value
}
