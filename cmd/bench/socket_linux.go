package main

import (
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// maxWait bounds how long a poller waits, and so how long it takes to notice that it should end.
const maxWait = 100 * time.Millisecond

// poller tells which sockets can be read. The load and the upstream each run one on a thread of their own, which takes half
// the processor time of Go's network poller: what shares a core with the load should be small. It does not sleep. Waking a
// process on an idle core costs whoever writes to it, and a slow contestant would pay that more often.
type poller struct {
	epoll  int
	events [128]unix.EpollEvent
}

func newPoller() (*poller, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return &poller{epoll: epoll}, nil
}

func (p *poller) add(socket int) error {
	return unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, socket, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(socket)})
}

// wait returns the sockets that can be read, none after at most maxWait. They are valid until the next call.
func (p *poller) wait() ([]unix.EpollEvent, error) {
	for end := time.Now().Add(maxWait); ; {
		n, err := unix.EpollWait(p.epoll, p.events[:], 0)
		if n > 0 {
			return p.events[:n], nil
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			return nil, err
		}
		if time.Now().After(end) {
			return nil, nil
		}
		_, _, _ = unix.Syscall(unix.SYS_SCHED_YIELD, 0, 0, 0) // to the other of the two, or to Redis
	}
}

func (p *poller) close() { _ = unix.Close(p.epoll) }

// dial connects to host:port on IPv4. The socket does not block once it is connected.
func dial(address string) (socket int, err error) {
	to, err := net.ResolveTCPAddr("tcp4", address)
	if err != nil {
		return 0, err
	}
	if socket, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return 0, err
	}
	err = unix.Connect(socket, &unix.SockaddrInet4{Port: to.Port, Addr: [4]byte(to.IP.To4())})
	if err = errors.Join(err, unix.SetNonblock(socket, true), withoutDelay(socket)); err != nil {
		_ = unix.Close(socket)
		return 0, fmt.Errorf("connect to %s: %w", address, err)
	}
	return socket, nil
}

// listen returns a socket that does not block and listens on a free port of loopback.
func listen() (socket int, address string, err error) {
	if socket, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
		return 0, "", err
	}
	err = errors.Join(unix.Bind(socket, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(socket, unix.SOMAXCONN))
	if err == nil {
		var at unix.Sockaddr
		if at, err = unix.Getsockname(socket); err == nil {
			return socket, fmt.Sprintf("127.0.0.1:%d", at.(*unix.SockaddrInet4).Port), nil
		}
	}
	_ = unix.Close(socket)
	return 0, "", fmt.Errorf("listen: %w", err)
}

func withoutDelay(socket int) error {
	return unix.SetsockoptInt(socket, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
}
