package budget_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/budget"
)

func TestDetailsAreReadAsTheyAreWritten(t *testing.T) {
	for sent, want := range map[string][]budget.Detail{
		`[{"type":"spend","unit":"sat","limit":5000,"period":"month","max_payment":100}]`: {{"sat", budget.Limit{5000, budget.Month, 100}}},
		` [ {"limit":null, "unit":"sat","type":"spend"} ] `:                               {{"sat", budget.Unlimited}},
		`[{"type":"spend","unit":"sat","limit":null,"period":"day","max_payment":7}]`:     {{"sat", budget.Limit{budget.NoLimit, budget.None, 7}}},
		`[{"type":"spend","unit":"sat","limit":0,"max_payment":null}]`:                    {{"sat", budget.Limit{0, budget.None, budget.NoLimit}}},
		`[{"type":"spend","unit":"sat","limit":9007199254740991}]`:                        {{"sat", budget.Limit{1<<53 - 1, budget.None, budget.NoLimit}}},
		`[{"type":"spend","unit":"sat","limit":1},{"type":"spend","unit":"cent","limit":2,"period":"year"}]`: {
			{"sat", budget.Limit{1, budget.None, budget.NoLimit}}, {"cent", budget.Limit{2, budget.Year, budget.NoLimit}},
		},
	} {
		details, err := budget.ParseDetails(sent)
		require.NoError(t, err, sent)
		require.Equal(t, want, details, sent)
		written, err := json.Marshal(details)
		require.NoError(t, err)
		again, err := budget.ParseDetails(string(written))
		require.NoError(t, err, "%s", written)
		require.Equal(t, want, again, "what we write we read")
	}
}

func TestDetailsThatCouldMeanSomethingElseAreRefused(t *testing.T) {
	good := `{"type":"spend","unit":"sat","limit":5000}`
	_, err := budget.ParseDetails("[" + good + "]")
	require.NoError(t, err)
	for _, sent := range []string{
		"", "null", "5", "[]", good, "[" + good, "[" + good + "]]", "[" + good + "] x", "[" + good + ",]", "[" + good + " " + good + "]",
		"[" + good + "," + good + "]", "[[" + good + "]]", `["spend"]`,
		`[{"type":"spend","unit":"sat","limit":1,"limit":5000}]`,
		`[{"type":"spend","unit":"sat","limit":1,"Limit":5000}]`, `[{"type":"spend","unit":"sat","LIMIT":1}]`,
		`[{"type":"spend","unit":"sat"}]`, `[{"unit":"sat","limit":1}]`, `[{"type":"spend","limit":1}]`, `[{"type":"spend","unit":"","limit":1}]`,
		`[{"type":"payment","unit":"sat","limit":1}]`, `[{"type":["spend"],"unit":"sat","limit":1}]`,
		`[{"type":"spend","unit":"sat","limit":1,"locations":["https://x"]}]`, `[{"type":"spend","unit":"sat","limit":1,"note":"x"}]`,
		`[{"type":"spend","unit":7,"limit":1}]`, `[{"type":"spend","unit":"a\u0000","limit":1}]`,
		`[{"type":"spend","unit":"sat","limit":1,"period":"months"}]`, `[{"type":"spend","unit":"sat","limit":1,"period":null}]`,
		`[{"type":"spend","unit":"sat","limit":1,"period":"Month"}]`,
		`[{"type":"spend","unit":"sat","limit":1,"max_payment":0}]`, `[{"type":"spend","unit":"sat","limit":1,"max_payment":"1"}]`,
		strings.Repeat(" ", 5000) + "[" + good + "]",
	} {
		_, err := budget.ParseDetails(sent)
		require.ErrorIs(t, err, budget.ErrBadDetails, sent)
	}
	for _, limit := range []string{`"5000"`, "-1", "-0", "5e3", "5000.0", "0.5", "9007199254740992", "1e400", "99999999999999999999", "true", "{}", "[5000]"} {
		_, err := budget.ParseDetails(`[{"type":"spend","unit":"sat","limit":` + limit + `}]`)
		require.ErrorIs(t, err, budget.ErrBadDetails, limit)
	}
}

func TestTheShortForm(t *testing.T) {
	for sent, want := range map[[2]string]budget.Limit{
		{"5000", "monthly"}: {5000, budget.Month, budget.NoLimit}, {"5000", ""}: {5000, budget.None, budget.NoLimit},
		{"1", "never"}: {1, budget.None, budget.NoLimit}, {"9007199254740991", "daily"}: {1<<53 - 1, budget.Day, budget.NoLimit},
	} {
		limit, err := budget.ParseShortForm(sent[0], sent[1])
		require.NoError(t, err, sent)
		require.Equal(t, want, limit, sent)
	}
	for _, sent := range [][2]string{
		{"0", "daily"}, {"-5", ""}, {"+5", ""}, {"5.0", ""}, {"5,000", ""}, {"5e3", ""}, {" 5", ""}, {"", "daily"}, {"9007199254740992", ""}, {"5", "month"},
		{"5", "Daily"}, {"٥", ""},
	} {
		_, err := budget.ParseShortForm(sent[0], sent[1])
		require.ErrorIs(t, err, budget.ErrBadDetails, sent)
	}
	for _, p := range budget.Periods() {
		limit, err := budget.ParseShortForm("1", p.Renewal())
		require.NoError(t, err)
		require.Equal(t, p, limit.Period)
	}
}

func TestNobodysNumberIsMisread(t *testing.T) {
	for _, c := range []struct {
		written, separator string
		want               int64
	}{
		{"5000", ",", 5000}, {" 5000\u00a0", ".", 5000}, {"5,000", ",", 5000}, {"5.000", ".", 5000}, {"5 000", ",", 5000}, {"5\u202f000", ".", 5000},
		{"1,234,567", ",", 1234567}, {"1.234.567", ".", 1234567}, {"1’234", ".", 1234}, {"0", ",", 0}, {"007", ",", 7}, {"9007199254740991", ".", 1<<53 - 1},
	} {
		n, err := budget.ParseAmount(c.written, c.separator)
		require.NoError(t, err, c.written)
		require.Equal(t, c.want, n, c.written)
	}
	for written, separator := range map[string]string{
		"5.000": ",", "5,000": ".", "5.00": ".", "5,00": ",", "5.0": ".", "0,005": ",", "0.005": ".", "1,23": ",", "12345,678": ",", "1,2345": ",",
		",500": ",", "5,": ",", "1,000.00": ",", "1.000,00": ".", "1,000 000": ",", "5 00": ",", "5,,000": ",", "": ",", " ": ",", "-5": ",", "+5": ",",
		"5e3": ",", "0x10": ",", "5k": ",", "٥": ",", "9007199254740992": ",", "99999999999999999999999": ",", "<b>5</b>": ",", "5 sat": ",", "½": ",",
	} {
		_, err := budget.ParseAmount(written, separator)
		require.ErrorIs(t, err, budget.ErrBadLimit, "%q with %q", written, separator)
	}
}
