package upstream

import (
	"errors"
	"io"
)

// Ask sends one request without more of a body than is in it, once, and returns the answer, whose body may have at most that many
// bytes. It blocks as Acquire and the methods of an Exchange do.
func (p *Pool) Ask(caller Caller, request []byte, most int) (status int, body []byte, err error) {
	x, err := p.Acquire(caller)
	if err != nil {
		return 0, nil, err
	}
	defer x.End()
	if err := x.Send(Request{Head: request}); err != nil {
		return 0, nil, err
	}
	answer, err := x.AwaitHead()
	if err != nil {
		return 0, nil, err
	}
	status = answer.Status()
	for x.HasBody() {
		part, err := x.Take()
		switch {
		case errors.Is(err, io.EOF):
			return status, body, nil
		case err != nil:
			return 0, nil, err
		case len(part) == 0:
			err = x.Await()
		}
		if err != nil {
			return 0, nil, err
		}
		if body = append(body, part...); len(body) > most {
			return 0, nil, errors.New("the answer is too long")
		}
	}
	return status, body, nil
}
