// Package strictjson reads JSON that strangers have written, in the one way in which everybody reads it: no object has two
// members of one name, names are compared exactly, and nothing comes before or after. It owns the type that such a text
// has to have, and the reading of an object and of single members; what they mean is left to others.
package strictjson
