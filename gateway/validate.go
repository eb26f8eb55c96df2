package gateway

// What OnUnavailable can be.
const (
	Deny  = deny
	Allow = allow
)

// Validate returns the error that New would return for these routes. jwtSecret may be any that is not empty where only
// its presence is known.
func Validate(routes []Route, jwtSecret []byte) error {
	config := Config{JWTSecret: jwtSecret, OnUnavailable: deny}
	config.Upstreams.setDefaults()
	g := &Gateway{upstreams: make(map[origin]*upstream)}
	return g.compile(routes, &config)
}
