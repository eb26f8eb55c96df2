package routing

// Method is one of the methods that a route can have, or OtherMethod. It is an index below Methods.
type Method int

const (
	// OtherMethod is every method that no route can have. TRACE and CONNECT are among them: neither may pass a gateway.
	OtherMethod Method = iota
	Get
	Head

	// anyMethod is none of a request's, and stands for all.
	anyMethod Method = -1
)

// MethodNames are those of the methods that a route can have.
func MethodNames() []string { return methodNames[OtherMethod+1:] }

var methodNames = [...]string{"other", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// Methods is how many methods there are, OtherMethod included.
const Methods = len(methodNames)

// MethodNamed returns the method of a request. Names are case-sensitive (RFC 9110 section 9.1).
func MethodNamed[T string | []byte](name T) Method {
	for m := OtherMethod + 1; m < Method(Methods); m++ {
		if methodNames[m] == string(name) {
			return m
		}
	}
	return OtherMethod
}

// IsSafe holds for a request that changes nothing, and may be sent again (RFC 9110 section 9.2.1).
func IsSafe(method []byte) bool {
	switch string(method) {
	case "GET", "HEAD", "OPTIONS":
		return true
	}
	return false
}

// String is the method's name, and "other" for OtherMethod.
func (m Method) String() string { return methodNames[m] }
