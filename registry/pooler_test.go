package registry_test

import (
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/registry"
	"gatehouse/registry/registrytest"
)

// A pooler accepts only the settings that it knows, and drops those that it was told to ignore.
func TestAPoolerInBetweenIsRefused(t *testing.T) {
	t.Parallel()
	direct, err := url.Parse(registrytest.PostgresDatabase(t))
	require.NoError(t, err)
	dropping := func(drops func(parameter string) bool) func(net.Conn, net.Conn, []byte) {
		return func(client, server net.Conn, startup []byte) {
			parameters := strings.Split(string(startup[4:]), "\x00")
			kept := startup[:4:4]
			for i := 0; i+1 < len(parameters); i += 2 {
				if parameters[i] != "" && !drops(parameters[i]) {
					kept = append(kept, parameters[i]+"\x00"+parameters[i+1]+"\x00"...)
				}
			}
			_ = send(server, append(kept, 0))
			go func() { _, _ = io.Copy(server, client) }()
			_, _ = io.Copy(client, server)
		}
	}
	for name, behave := range map[string]func(net.Conn, net.Conn, []byte){
		"that drops the settings":       dropping(func(parameter string) bool { return parameter != "user" && parameter != "database" }),
		"that drops where to find them": dropping(func(parameter string) bool { return parameter == "search_path" }),
		"that refuses them": func(client, _ net.Conn, _ []byte) {
			said := "SFATAL\x00VFATAL\x00C08P01\x00Munsupported startup parameter: statement_timeout\x00\x00"
			_, _ = client.Write([]byte("E"))
			_ = send(client, []byte(said))
		},
	} {
		t.Run(name, func(t *testing.T) {
			pooler := *direct
			pooler.Host = serveInBetween(t, direct.Host, behave)
			_, err := registry.Open(t.Context(), pooler.String())
			require.ErrorIs(t, err, registry.ErrPooler)
		})
	}
	r, err := registry.Open(t.Context(), direct.String())
	require.NoError(t, err)
	require.NoError(t, r.Close())
}

// serveInBetween lets each connection's start-up message be dealt with on its way to the server.
func serveInBetween(t *testing.T, server string, behave func(client, server net.Conn, startup []byte)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer client.Close()
				behind, err := net.Dial("tcp", server)
				if err != nil {
					return
				}
				defer behind.Close()
				var size uint32
				if binary.Read(client, binary.BigEndian, &size) != nil {
					return
				}
				startup := make([]byte, size-4)
				if _, err := io.ReadFull(client, startup); err == nil {
					behave(client, behind, startup)
				}
			}()
		}
	}()
	return listener.Addr().String()
}

// send writes a message with its length before it.
func send(to io.Writer, message []byte) error {
	_, err := to.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(message)+4)), message...))
	return err
}
