package gateway

// Validate returns the error that New would return for these routes. jwtSecret may be any that is not empty where only
// its presence is known.
func Validate(routes []Route, jwtSecret []byte) error {
	config := Config{JWTSecret: jwtSecret, OnUnavailable: Deny}
	config.Upstreams.setDefaults()
	g := &Gateway{upstreams: make(map[origin]*upstream)}
	return g.compile(routes, &config)
}
