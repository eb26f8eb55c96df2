package keys

import "encoding/json"

// date is a NumericDate in whole seconds (RFC 7519 section 2), or none.
type date struct {
	seconds int64
	given   bool
}

// isGood holds for times from 1970 to the year 9999, which every library can represent.
func (d date) isGood() bool {
	const end = 253_402_300_800
	return d.given && 0 <= d.seconds && d.seconds < end
}

// UnmarshalJSON takes null for none.
func (d *date) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*d = date{}
		return nil
	}
	d.given = true
	return json.Unmarshal(data, &d.seconds)
}
