package gateway

import "gatehouse/gateway/internal/routing"

// Method is one of the methods that a route can have, or OtherMethod. It is an index below Methods.
type Method = routing.Method

const (
	// OtherMethod is every method that no route can have. TRACE and CONNECT are among them: neither may pass a gateway.
	OtherMethod = routing.OtherMethod
	// Methods is how many methods there are, OtherMethod included.
	Methods = routing.Methods
)

// MethodNamed returns the method of a request. Names are case-sensitive (RFC 9110 section 9.1).
func MethodNamed[T string | []byte](name T) Method { return routing.MethodNamed(name) }
