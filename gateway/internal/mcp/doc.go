// Package mcp reads what a request asks of an MCP server (Model Context Protocol, Streamable HTTP transport): the method, and which tool.
// It is pure: nothing in it blocks, and the same bytes always mean the same. What two programs could read in two ways is refused, because
// the other one is who does what is asked. Which scope a method or a tool needs, it leaves to the gateway.
package mcp
