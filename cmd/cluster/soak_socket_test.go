package cluster_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// soakSocketCaller has no timeout: a WebSocket would end with it.
var soakSocketCaller = &http.Client{Transport: soakCaller.Transport}

const (
	closedByRevocation = websocket.StatusCode(4401)
	// socketBound is the second in which a WebSocket ends with its token, and what a loaded machine adds to it.
	socketBound = 5 * time.Second
)

// open opens a WebSocket and says something on it.
func (u *soakUser) open(g grant) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), soakCaller.Timeout)
	defer cancel()
	socket, response, err := websocket.Dial(ctx, u.gateway().url()+"/soak/chat", &websocket.DialOptions{
		HTTPClient: soakSocketCaller, HTTPHeader: http.Header{"Authorization": {"Bearer " + g.access}},
	})
	if err != nil {
		if response != nil {
			err = unexpected{status: response.StatusCode}
		}
		return nil, err
	}
	if err := u.say(ctx, socket, "hello"); err != nil {
		_ = socket.CloseNow()
		return nil, err
	}
	return socket, nil
}

// say requires the user's own answer.
func (u *soakUser) say(ctx context.Context, socket *websocket.Conn, message string) error {
	if err := socket.Write(ctx, websocket.MessageText, []byte(message)); err != nil {
		return err
	}
	_, answer, err := socket.Read(ctx)
	if err == nil && string(answer) != u.mark()+message {
		err = fmt.Errorf("an answer of another: %.100q", answer)
	}
	return err
}

// chat says a few things on a WebSocket, and leaves politely or not.
func (u *soakUser) chat() error {
	socket, err := u.open(u.grant)
	if err != nil {
		return err
	}
	defer func() { _ = socket.CloseNow() }()
	ctx, cancel := context.WithTimeout(context.Background(), soakCaller.Timeout)
	defer cancel()
	for range rand.IntN(10) {
		if err := u.say(ctx, socket, strings.Repeat("x", rand.IntN(10_000))); err != nil {
			return err
		}
	}
	if rand.IntN(2) == 0 {
		return socket.Close(websocket.StatusNormalClosure, "")
	}
	return nil
}
