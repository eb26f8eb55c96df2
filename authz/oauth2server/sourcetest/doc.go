// Package sourcetest gives tests a database as oauth2server leaves it: its tables, and rows as it and the library under it
// write them. Nothing but tests imports it.
package sourcetest
