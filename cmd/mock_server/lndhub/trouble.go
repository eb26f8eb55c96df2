package lndhub

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
)

// Trouble is what happens to the requests of a path instead of, before or after what next does.
type Trouble func(w http.ResponseWriter, r *http.Request, next http.Handler)

// Trouble makes the requests of a path go wrong, until it is called again; with nil they go well.
func (h *Hub) Trouble(path string, t Trouble) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.troubles[path] = t
}

// Until is a hub that does nothing before the channel is closed, whether or not the caller waits.
func Until(release <-chan struct{}) Trouble {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		<-release
		next.ServeHTTP(w, r)
	}
}

// Cut does what was asked for and breaks off in the middle of the answer.
func Cut(w http.ResponseWriter, r *http.Request, next http.Handler) {
	whole := &kept{header: http.Header{}, status: http.StatusOK}
	next.ServeHTTP(whole, r)
	connection, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer connection.Close()
	body := whole.body.Bytes()
	_, _ = io.WriteString(buffered, "HTTP/1.1 "+strconv.Itoa(whole.status)+" "+http.StatusText(whole.status)+
		"\r\nContent-Type: application/json\r\nContent-Length: "+strconv.Itoa(len(body))+"\r\n\r\n"+string(body[:len(body)/2]))
	_ = buffered.Flush() // it is to be cut
}

// Fail does what was asked for and answers as if it had not: with 500.
func Fail(w http.ResponseWriter, r *http.Request, next http.Handler) {
	next.ServeHTTP(&kept{header: http.Header{}}, r)
	answer(w, http.StatusInternalServerError, paymentFailed(errNoRows))
}

// Page is a proxy in front of the hub that answers with a page of its own, and says that all is well.
func Page(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, "<!doctype html><title>Maintenance</title><p>We are back soon.")
}

// kept is an answer that nobody gets.
type kept struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (k *kept) Header() http.Header         { return k.header }
func (k *kept) WriteHeader(status int)      { k.status = status }
func (k *kept) Write(b []byte) (int, error) { return k.body.Write(b) }
