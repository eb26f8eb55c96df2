package upstream

import "time"

// Settings is what is asked of an upstream. A value of zero means that of DefaultSettings. What has no key is not for
// operators to change.
type Settings struct {
	// ConnectTimeout bounds the making of a connection, TLS included.
	ConnectTimeout time.Duration `yaml:"connect_timeout"`
	// FirstByteTimeout is how long an answer's head may take from when the request was sent.
	FirstByteTimeout time.Duration `yaml:"first_byte_timeout"`
	// IdleTimeout bounds the time between two reads of an answer's body, and between two writes of a request's.
	IdleTimeout time.Duration `yaml:"idle_timeout"`
	// MaxConns is how many requests may be at one upstream at a time. Others wait up to ConnWait for one of them to end, and
	// are then refused without having been sent.
	MaxConns int           `yaml:"max_conns"`
	ConnWait time.Duration `yaml:"conn_wait"`
	// MaxConnsPerUser is how many of MaxConns one user may have, or one address without a token. 0 is a quarter. Those of
	// one user wait for each other as all do.
	MaxConnsPerUser int `yaml:"max_conns_per_user"`
	// MaxWebSockets is how many may be open to one upstream at a time, and MaxWebSocketsPerUser how many of them one user may
	// have; 0 is a quarter. They take none of MaxConns.
	MaxWebSockets        int `yaml:"max_websockets"`
	MaxWebSocketsPerUser int `yaml:"max_websockets_per_user"`
	// CAFile holds certificates, in PEM, that https origins may have theirs from, in addition to the system's.
	CAFile string `yaml:"ca_file"`
	// MaxIdleConns are kept for the next request, each for at most KeepIdle.
	MaxIdleConns int           `yaml:"-"`
	KeepIdle     time.Duration `yaml:"-"`
	// QuietPeriod is how long a connection stays idle before it serves another user, while few connections are idle and
	// MaxConns allows another one. An answer that nobody asked for is noticed if it comes within that time.
	QuietPeriod time.Duration `yaml:"-"`
}

// DefaultSettings is what holds where nobody says otherwise.
func DefaultSettings() Settings {
	return Settings{
		ConnectTimeout: 5 * time.Second, FirstByteTimeout: 30 * time.Second, IdleTimeout: time.Minute,
		MaxConns: 512, ConnWait: time.Second, MaxWebSockets: 1024,
		MaxIdleConns: 128, KeepIdle: 30 * time.Second, QuietPeriod: 10 * time.Millisecond,
	}
}

// SetDefaults puts the default in the place of each value that is zero or less.
func (s *Settings) SetDefaults() {
	byDefault := DefaultSettings()
	setDefault(&s.ConnectTimeout, byDefault.ConnectTimeout)
	setDefault(&s.FirstByteTimeout, byDefault.FirstByteTimeout)
	setDefault(&s.IdleTimeout, byDefault.IdleTimeout)
	setDefault(&s.MaxConns, byDefault.MaxConns)
	setDefault(&s.ConnWait, byDefault.ConnWait)
	setDefault(&s.MaxWebSockets, byDefault.MaxWebSockets)
	setDefault(&s.MaxIdleConns, byDefault.MaxIdleConns)
	setDefault(&s.KeepIdle, byDefault.KeepIdle)
	setDefault(&s.QuietPeriod, byDefault.QuietPeriod)
}

func setDefault[T int | time.Duration](value *T, otherwise T) {
	if *value <= 0 {
		*value = otherwise
	}
}
