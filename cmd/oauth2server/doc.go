// Package oauth2server has no program. Its tests hold Gatehouse to what getAlby's oauth2server, which it replaces, was seen
// to answer: testdata/*.json lists requests and the answers of both, and a row that differs says why. They also follow
// docs/from-oauth2server.md from top to bottom, and run applications that were written for oauth2server (clients/), unmodified SDKs among
// them.
//
// It owns what an application, a host application and an operator of oauth2server may notice after a cut-over. It leaves
// to the rooms how that is brought about.
package oauth2server
