// Package deploy holds what Gatehouse is deployed with: compose.yaml, haproxy.cfg and the Kubernetes manifests. It is a
// module of its own so that those who only build the server do not download what its tests need.
package deploy
