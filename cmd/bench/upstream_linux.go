package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// upstreamBody is what every answer of the upstream holds.
const upstreamBody = `{"balance":150298,"currency":"BTC","unit":"sat"}`

var (
	upstreamAnswer = fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nServer: upstream\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		len(upstreamBody), upstreamBody)
	endOfHead = []byte("\r\n\r\n")
)

// upstream answers every request with the same few bytes and keeps connections open. It does as little as can be, so
// that the contestants are the bottleneck, and understands only requests without a body.
type upstream struct {
	address  string
	listener int
	poller   *poller
	requests map[int][]byte // what has been read of the next one, by socket
}

// startUpstream serves until ctx ends.
func startUpstream(ctx context.Context) (*upstream, error) {
	u := &upstream{requests: map[int][]byte{}}
	var err error
	if u.listener, u.address, err = listen(); err != nil {
		return nil, err
	}
	if u.poller, err = newPoller(); err != nil {
		return nil, err
	}
	if err := u.poller.add(u.listener); err != nil {
		return nil, err
	}
	go u.serve(ctx)
	return u, nil
}

func (u *upstream) serve(ctx context.Context) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer u.close()
	for ctx.Err() == nil {
		ready, err := u.poller.wait()
		if err != nil {
			return
		}
		for _, event := range ready {
			if socket := int(event.Fd); socket == u.listener {
				u.accept()
			} else if !u.answer(socket) {
				_ = unix.Close(socket)
				delete(u.requests, socket)
			}
		}
	}
}

func (u *upstream) accept() {
	socket, _, err := unix.Accept4(u.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	if err != nil { // who wanted to connect is gone
		return
	}
	if errors.Join(withoutDelay(socket), u.poller.add(socket)) != nil {
		_ = unix.Close(socket)
		return
	}
	u.requests[socket] = make([]byte, 0, 16<<10)
}

// answer reads what has arrived, and reports whether the connection stays open.
func (u *upstream) answer(socket int) bool {
	request := u.requests[socket]
	n, err := unix.Read(socket, request[len(request):cap(request)])
	if errors.Is(err, unix.EAGAIN) {
		return true
	}
	if err != nil || n == 0 {
		return false
	}
	request = request[:len(request)+n]
	if bytes.HasSuffix(request, endOfHead) {
		request = request[:0]
		_, err = unix.Write(socket, upstreamAnswer)
	}
	u.requests[socket] = request
	return err == nil
}

func (u *upstream) close() {
	for socket := range u.requests {
		_ = unix.Close(socket)
	}
	_ = unix.Close(u.listener)
	u.poller.close()
}
