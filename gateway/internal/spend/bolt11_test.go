package spend

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The examples of BOLT 11 have this payment hash.
const vectorHash = "0001020304050607080900010203040506070809000102030405060708090102"

const (
	vectorBegins = 1496314658
	donation     = "lnbc1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdpl2pkx2ctnv5sxxmmwwd5kgetjypeh2ursdae8g6twvus8g6rfwvs8qun0dfjkxaq9qrsgq357wnc5r2ueh7ck6q93dj32dlqnls087fxdwk8qakdyafkq3yap9us6v52vjjsrvywa6rt52cm9r9zqt8r2t7mlcwspyetp5h2tztugp9lfyql"
	coffee       = "lnbc2500u1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdq5xysxxatsyp3k7enxv4jsxqzpu9qrsgquk0rl77nj30yxdy8j9vdx85fkpmdla2087ne0xh8nhedh8w27kyke0lp53ut353s06fv3qfegext0eh0ymjpf39tuven09sam30g4vgpfna3rh"
	list         = "lnbc20m1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqhp58yjmdan79s6qqdhdzgynm4zwqd5d7xmw5fk98klysy043l2ahrqs9qrsgq7ea976txfraylvgzuxs8kgcw23ezlrszfnh8r6qtfpr6cxga50aj6txm9rxrydzd06dfeawfk6swupvz4erwnyutnjq7x39ymw6j38gp7ynn44"
	testnet      = "lntb20m1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygshp58yjmdan79s6qqdhdzgynm4zwqd5d7xmw5fk98klysy043l2ahrqspp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqfpp3x9et2e20v6pu37c5d9vax37wxq72un989qrsgqdj545axuxtnfemtpwkc45hx9d2ft7x04mt8q7y6t0k2dge9e7h8kpy9p34ytyslj3yu569aalz2xdk8xkd7ltxqld94u8h2esmsmacgpghe9k8"
	beans        = "lnbc25m1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdq5vdhkven9v5sxyetpdeessp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygs9q5sqqqqqqqqqqqqqqqqsgq2a25dxl5hrntdtn6zvydt7d66hyzsyhqs4wdynavys42xgl6sgx9c4g7me86a27t07mdtfry458rtjr0v92cnmswpsjscgt2vcse3sgpz3uapa"
	badChecksum  = "lnbc2500u1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdpquwpc4curk03c9wlrswe78q4eyqc7d8d0xqzpuyk0sg5g70me25alkluzd2x62aysf2pyy8edtjeevuv4p2d5p76r4zkmneet7uvyakky2zr4cusd45tftc9c5fh0nnqpnl2jfll544esqchsrnt"
	noSeparator  = "pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdpquwpc4curk03c9wlrswe78q4eyqc7d8d0xqzpuyk0sg5g70me25alkluzd2x62aysf2pyy8edtjeevuv4p2d5p76r4zkmneet7uvyakky2zr4cusd45tftc9c5fh0nnqpnl2jfll544esqchsrny"
	mixedCase    = "LNBC2500u1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdpquwpc4curk03c9wlrswe78q4eyqc7d8d0xqzpuyk0sg5g70me25alkluzd2x62aysf2pyy8edtjeevuv4p2d5p76r4zkmneet7uvyakky2zr4cusd45tftc9c5fh0nnqpnl2jfll544esqchsrny"
	tooShort     = "lnbc1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdpl2pkx2ctnv5sxxmmwwd5kgetjypeh2ursdae8g6na6hlh"
	multiplier   = "lnbc2500x1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdq5xysxxatsyp3k7enxv4jsxqzpusp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygs9qrsgqrrzc4cvfue4zp3hggxp47ag7xnrlr8vgcmkjxk3j5jqethnumgkpqp23z9jclu3v0a7e0aruz366e9wqdykw6dxhdzcjjhldxq0w6wgqcnu43j"
	subMillisat  = "lnbc2500000001p1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdq5xysxxatsyp3k7enxv4jsxqzpusp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygs9qrsgq0lzc236j96a95uv0m3umg28gclm5lqxtqqwk32uuk4k6673k6n5kfvx3d2h8s295fad45fdhmusm8sjudfhlf6dcsxmfvkeywmjdkxcp99202x"
)

func TestTheExamplesOfBOLT11AreRead(t *testing.T) {
	for name, test := range map[string]struct {
		text, network string
		sat           int64
		lifespan      time.Duration
	}{
		"micro, with an expiry":   {coffee, "bc", 250_000, time.Minute},
		"milli, without":          {list, "bc", 2_000_000, time.Hour},
		"of the test network":     {testnet, "tb", 2_000_000, time.Hour},
		"in capitals":             {strings.ToUpper(beans), "bc", 2_500_000, time.Hour},
		"with other fields":       {beans, "bc", 2_500_000, time.Hour},
		"capitals with an expiry": {strings.ToUpper(coffee), "bc", 250_000, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			i, err := ReadInvoice(test.text, test.network)
			require.NoError(t, err)
			require.Equal(t, Invoice{test.sat, vectorHash, time.Unix(vectorBegins, 0).Add(test.lifespan).UTC()}, i)
		})
	}
}

func TestInvoicesThatAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		text, network string
		why           Unreadable
	}{
		"no amount":                   {donation, "bc", NoInvoiceAmount},
		"bad checksum":                {badChecksum, "bc", NoInvoice},
		"no separator":                {noSeparator, "bc", NoInvoice},
		"mixed case":                  {mixedCase, "bc", NoInvoice},
		"too short":                   {tooShort, "bc", NoInvoice},
		"bad multiplier":              {multiplier, "bc", NoInvoice},
		"below a millisatoshi":        {subMillisat, "bc", NoInvoice},
		"of the test network":         {testnet, "bc", AnotherNetwork},
		"of the main network":         {coffee, "tb", AnotherNetwork},
		"of a network that begins so": {invoiceWith("lnbcrt10u", "", ""), "bc", AnotherNetwork},
		"of a network that begins tb": {invoiceWith("lntbs10u", "", ""), "tb", AnotherNetwork},
		"no lightning":                {invoiceWith("bc10u", "", ""), "bc", NoInvoice},
		"a leading zero":              {invoiceWith("lnbc010u", "", ""), "bc", NoInvoice},
		"zero":                        {invoiceWith("lnbc0u", "", ""), "bc", NoInvoice},
		"two multipliers":             {invoiceWith("lnbc10uu", "", ""), "bc", NoInvoice},
		"a sign":                      {invoiceWith("lnbc1-0u", "", ""), "bc", NoInvoice},
		"below a satoshi":             {invoiceWith("lnbc9n", "", ""), "bc", NoInvoiceAmount},
		"more than 64 bits of msat":   {invoiceWith("lnbc99999999999", "", ""), "bc", NoInvoice},
		"more than 64 bits":           {invoiceWith("lnbc99999999999999999999u", "", ""), "bc", NoInvoice},
		"more than JSON can hold":     {invoiceWith("lnbc90071993", "", ""), "bc", NoInvoice},
		"two hashes":                  {invoiceWith("lnbc10u", hashField+hashField, ""), "bc", NoInvoice},
		"no hash":                     {invoiceWith("lnbc10u", "q", ""), "bc", NoInvoice},
		"two expiries":                {invoiceWith("lnbc10u", "", "xqzpu"+"xqzpu"), "bc", NoInvoice},
		"an expiry of 50 bits":        {invoiceWith("lnbc10u", "", "xq2"+"llllllllll"), "bc", NoInvoice},
		"a field that is cut":         {invoiceWith("lnbc10u", "", "xqz"), "bc", NoInvoice},
		"a hash with bits left over":  {invoiceWith("lnbc10u", "pp5"+strings.Repeat("l", 52), ""), "bc", NoInvoice},
		"white space":                 {" " + coffee, "bc", NoInvoice},
		"the word lightning":          {"lightning:" + coffee, "bc", NoInvoice},
		"a letter that folds to k":    {strings.Replace(coffee, "k", "\u212a", 1), "bc", NoInvoice},
		"nothing":                     {"", "bc", NoInvoice},
		"longer than lnd reads":       {invoiceWith("lnbc10u", "", strings.Repeat("dqq", 2400)), "bc", NoInvoice},
		"an altered amount":           {strings.Replace(coffee, "lnbc2500u", "lnbc2500n", 1), "bc", NoInvoice},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadInvoice(test.text, test.network)
			require.Equal(t, test.why, err)
		})
	}
}

func TestAmountsOfInvoicesAreRoundedUp(t *testing.T) {
	for prefix, sat := range map[string]int64{
		"lnbc1": 100_000_000, "lnbc1m": 100_000, "lnbc1u": 100, "lnbc10n": 1, "lnbc11n": 2, "lnbc10000p": 1, "lnbc10010p": 2,
		"lnbc9678785340p": 967_879, "lnbc90071992": MaxAmount / 100_000_000 * 100_000_000,
	} {
		i, err := ReadInvoice(invoiceWith(prefix, "", ""), "bc")
		require.NoError(t, err, prefix)
		require.Equal(t, sat, i.Sat, prefix)
	}
}

const hashField = "pp5" + "qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypq"

// invoiceWith makes an invoice. hash is the field for it, the usual one when empty.
func invoiceWith(prefix, hash, more string) string {
	if hash == "" {
		hash = hashField
	}
	data := "pvjluez" + hash + more + strings.Repeat("q", signatureSize)
	groups := make([]byte, 0, len(data)+checksumSize)
	for i := range len(data) {
		groups = append(groups, byte(strings.IndexByte(alphabet, data[i])))
	}
	sum := uint32(1)
	for i := range len(prefix) {
		sum = polymod(sum, prefix[i]>>5)
	}
	sum = polymod(sum, 0)
	for i := range len(prefix) {
		sum = polymod(sum, prefix[i]&31)
	}
	for _, group := range append(groups, make([]byte, checksumSize)...) {
		sum = polymod(sum, group)
	}
	sum ^= 1
	for i := range checksumSize {
		data += string(alphabet[sum>>(5*(checksumSize-1-i))&31])
	}
	return prefix + "1" + data
}

// FuzzInvoice holds what is read of an invoice to what the invoice says: one letter more or less, and it is another or none.
func FuzzInvoice(f *testing.F) {
	for _, text := range []string{coffee, list, beans, testnet, donation, mixedCase, invoiceWith("lnbc11n", "", "xqzpu")} {
		f.Add(text, "bc")
	}
	f.Fuzz(func(t *testing.T, text, network string) {
		i, err := ReadInvoice(text, network)
		if err != nil {
			require.IsType(t, Unreadable(""), err)
			return
		}
		require.True(t, i.Sat > 0 && i.Sat <= MaxAmount && len(i.Hash) == 64 && i.Expires.Unix() >= 0)
		lower := strings.ToLower(text)
		require.True(t, strings.HasPrefix(lower, "ln"+network))
		again, err := ReadInvoice(lower, network)
		require.NoError(t, err)
		require.Equal(t, i, again)
		for _, at := range []int{len(text) - 1, len(text) / 2} {
			changed := []byte(lower)
			if changed[at] = 'q'; lower[at] == 'q' {
				changed[at] = 'p'
			}
			_, err := ReadInvoice(string(changed), network)
			require.Error(t, err)
		}
	})
}
