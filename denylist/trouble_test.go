package denylist_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/denylist"
)

func TestARedisThatIsNotWhatItShouldBe(t *testing.T) {
	guarded := startRedis(t, "--requirepass", "right")
	master := startRedis(t)
	replica := startRedis(t, "--replicaof", "127.0.0.1 "+master.port)
	for name, test := range map[string]struct{ url, says string }{
		"answers in another protocol": {"redis://" + talks(t, "HTTP/1.1 400 Bad Request\r\n\r\n"), ""},
		"answers garbage":             {"redis://" + talks(t, "\x00\xff\x17*9999999999\r\n"), ""},
		"answers with too much":       {"redis://" + talks(t, "$999999999999\r\n"), ""},
		"wants another password":      {"redis://:wrong@127.0.0.1:" + guarded.port, "WRONGPASS"},
		"wants a password":            {"redis://127.0.0.1:" + guarded.port, "NOAUTH"},
		"may only be read":            {"redis://127.0.0.1:" + replica.port, "READONLY"},
	} {
		t.Run(name, func(t *testing.T) {
			store, err := denylist.Connect(test.url)
			require.NoError(t, err)
			t.Cleanup(func() { _ = store.Close() })
			require.ErrorIs(t, store.Check(t.Context(), asked), denylist.ErrUnknown)
			require.Error(t, store.Deny(t.Context(), inAnHour(denylist.Token, "a")), "nobody may believe that it was delivered")
			err = store.Reload(t.Context(), nothing())
			require.ErrorContains(t, err, test.says)
			require.NotContains(t, err.Error(), "wrong@", "the password stays out of the log")

			mirror := follow(t, store, staleness)
			require.ErrorIs(t, mirror.Check(t.Context(), asked), denylist.ErrUnknown)
			require.False(t, mirror.Ready())
		})
	}
}

// talks is the address of a server that says the same to everyone, whatever they ask.
func talks(t *testing.T, words string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = connection.Close() }()
				buffer := make([]byte, 4096)
				for {
					if _, err := connection.Read(buffer); err != nil {
						return
					}
					if _, err := connection.Write([]byte(words)); err != nil {
						return
					}
				}
			}()
		}
	}()
	return listener.Addr().String()
}
