package document_test

import (
	"encoding/binary"
	"io"
	"net"

	"golang.org/x/net/dns/dnsmessage"
)

// answerDNS answers the questions of one connection (RFC 1035 section 4.2.2) with the addresses that lead returns.
func answerDNS(connection net.Conn, lead func() [4]byte) {
	defer func() { _ = connection.Close() }()
	for {
		var length [2]byte
		if _, err := io.ReadFull(connection, length[:]); err != nil {
			return
		}
		text := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(connection, text); err != nil {
			return
		}
		var m dnsmessage.Message
		if err := m.Unpack(text); err != nil {
			return
		}
		m.Response, m.Additionals = true, nil
		if question := m.Questions[0]; question.Type == dnsmessage.TypeA {
			m.Answers = []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: question.Name, Class: question.Class, Type: question.Type},
				Body:   &dnsmessage.AResource{A: lead()},
			}}
		}
		packed, err := m.Pack()
		if err != nil {
			return
		}
		if _, err := connection.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(packed))), packed...)); err != nil {
			return
		}
	}
}
