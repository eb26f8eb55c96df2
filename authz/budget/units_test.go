package budget_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"gatehouse/authz/budget"
)

func TestEachUnitIsAskedAboutOnce(t *testing.T) {
	units := budget.Units{"pay": "sat", "pay:all": "sat", "buy": "eur"}
	require.Equal(t, []string{"eur", "sat"}, units.Of([]string{"pay", "read", "buy", "pay:all"}))
	require.Empty(t, units.Of([]string{"read"}))
	require.Empty(t, budget.Units(nil).Of([]string{"pay"}))
}
