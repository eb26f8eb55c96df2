// Package config is the configuration: which keys there are, their defaults, how the file, the environment and the routes
// file change them, and what is wrong with the result. It reports every problem at once, each with the key it is about,
// and its secrets never print. Configurations of getAlby's oauth2server (https://github.com/getAlby/oauth2server), which
// Gatehouse replaces, are read as they are: its environment variables and its targets.json.
//
// It builds nothing and connects to nothing: what becomes of a Config is app's. What a route, a database URL or a Redis
// URL may be is decided by the rooms that use them, and only asked here.
package config
