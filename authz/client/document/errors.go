package document

import "errors"

// What Find and Keys return. An error wraps one of these, or is that of Config.Pace or of the context. What else it says may be of
// a stranger's making, or tell of the network here: it is for the log, and not for who has named the URL.
var (
	// ErrURL says that the client_id cannot be that of a document.
	ErrURL = errors.New("the client_id is not a URL of a metadata document")
	// ErrUnreachable says that there was no answer that is a document; later there may be one.
	ErrUnreachable = errors.New("the metadata document of the client cannot be read")
	// ErrInvalid says that the document is not one of a client that is accepted here.
	ErrInvalid = errors.New("the metadata document of the client is not accepted")
	// ErrRefused says that no document of its host is read here.
	ErrRefused = errors.New("metadata documents of this host are refused")
	// ErrBusy says that as many documents are being fetched as may be, in all, for the caller, or from the host.
	ErrBusy = errors.New("too many metadata documents are being read")
)
