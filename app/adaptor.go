package app

import (
	"context"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttpadaptor"

	"gatehouse/gateway"
	"gatehouse/gateway/listener"
)

// mount serves a net/http handler beside the gateway. The handler's context ends when it returns; the adaptor's own would
// be an object that fasthttp uses for the next request, too. A handler that panics is answered 500. The pattern that a mux
// finds for the request is its route.
func (a *App) mount(handler http.Handler) fasthttp.RequestHandler {
	adapted := fasthttpadaptor.NewFastHTTPHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen, _ := recordOf(r.Context())
		ctx := context.WithValue(withRequestID(context.Background(), seen.id), recordKey{}, seen)
		ctx, cancel := context.WithCancel(context.WithValue(ctx, callerKey{}, r.Context().Value(callerKey{})))
		defer cancel()
		r = r.WithContext(ctx)
		defer func() {
			if recovered := recover(); recovered != nil {
				a.log.ErrorContext(ctx, "handler panicked", "route", r.Pattern, "panic", recovered, "stack", string(debug.Stack()))
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusInternalServerError)
				_, _ = w.Write([]byte(`{"error":"server_error"}`)) // the caller has gone when this fails
			}
		}()
		defer func() {
			if r.Pattern != "" && r.Pattern != "/" { // which is where a mux answers 404
				seen.route = a.metrics.route(r.Pattern)
			}
		}()
		handler.ServeHTTP(w, r)
	}))
	return func(ctx *fasthttp.RequestCtx) {
		if err := a.readBody(ctx); err != nil {
			if !gateway.AnswerRefusal(ctx, err) {
				panic(err) // a server that Bind was not called for: the gateway answers 500
			}
			return
		}
		ctx.SetUserValue(callerKey{}, a.proxies.Caller(ctx))
		adapted(ctx)
	}
}

// mountedBodyLimit is above what any mounted handler takes, so that each refuses a body that is too large in its own form.
const mountedBodyLimit = 128 << 10

// readBody gives the adaptor a body that is complete. All of it has to arrive in the time that a route's body has between
// two reads: it is never long. The error is a refusal of the gateway's.
func (a *App) readBody(ctx *fasthttp.RequestCtx) error {
	if !ctx.Request.IsBodyStream() {
		return nil
	}
	if err := ctx.Conn().SetReadDeadline(time.Now().Add(a.config.Timeouts.Body)); err != nil {
		return listener.ErrMalformedRequest // there is nobody left to be told
	}
	body, err := gateway.ReadBody(ctx, mountedBodyLimit)
	if err != nil {
		return err
	}
	ctx.Request.SetBodyRaw(body)
	ctx.Request.Header.SetContentLength(len(body))
	return nil
}
