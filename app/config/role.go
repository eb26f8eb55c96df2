package config

// Role says which halves of Gatehouse a process runs.
type Role int

// The roles. Any number of processes of each may run beside each other.
const (
	// Both is the authorization server and the gateway in one process.
	Both Role = iota
	// AuthzOnly is the authorization server and the admin API.
	AuthzOnly
	// GatewayOnly needs Redis and the JWKS URL of an authorization server. It needs no database, and no secret but the one
	// that a route's credential may need.
	GatewayOnly
)

// HasAuthz reports whether the role runs an authorization server.
func (r Role) HasAuthz() bool { return r != GatewayOnly }

// HasGateway reports whether the role runs a gateway.
func (r Role) HasGateway() bool { return r != AuthzOnly }
