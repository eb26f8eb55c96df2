package app

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

const maxRequestID = 128

// identify gives the request the id in its X-Request-Id, if that is harmless wherever it is written, or else a new one.
func (r *record) identify(ctx *fasthttp.RequestCtx) {
	if sent := ctx.Request.Header.Peek(fiber.HeaderXRequestID); isRequestID(sent) {
		r.id = sent
		return
	}
	r.id = appendRequestID(r.made[:0])
}

// appendRequestID makes a new id, which has to be unique, not secret.
func appendRequestID(dst []byte) []byte {
	var random [16]byte
	binary.NativeEndian.PutUint64(random[:8], rand.Uint64())
	binary.NativeEndian.PutUint64(random[8:], rand.Uint64())
	return hex.AppendEncode(dst, random[:])
}

func isRequestID(id []byte) bool {
	for _, b := range id {
		switch {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9', b == '.', b == '_', b == '-':
		default:
			return false
		}
	}
	return 1 <= len(id) && len(id) <= maxRequestID
}
