// Package app turns a configuration into a running Gatehouse. It builds every part and joins them, starts, drains and
// stops them, and shows an operator what they do: log, metrics, traces and health. It knows all the other rooms, and none
// of them knows it. What a configuration may be is decided in app/config, what becomes of a request in authz and gateway.
package app
