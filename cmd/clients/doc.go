// Package clients runs client libraries that others wrote, unmodified, against the server as it is released, as a process of its
// own. What connects each of them stands in docs/clients.md, and a test holds that page to what was run. It is a module of its
// own so that those who only build the server do not download the libraries.
package clients
