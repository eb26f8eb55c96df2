// Package oauth2server reads the database of getAlby's oauth2server (https://github.com/getAlby/oauth2server), so that its
// clients and grants can be taken over: which clients there are, which tokens live, and what a client's domain means here.
//
// It changes nothing there, and leaves to its caller what becomes of what it reads (admin.Operator), how it is stored
// (registry) and what a client may be (client).
package oauth2server
