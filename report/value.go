package report

import (
	"encoding/json"
	"fmt"
	"math"
)

// UnmarshalJSON reads what MarshalJSON writes.
func (v *Value) UnmarshalJSON(text []byte) error {
	switch string(text) {
	case `"NaN"`:
		*v = Value(math.NaN())
	case `"Infinity"`:
		*v = Value(math.Inf(1))
	case `"-Infinity"`:
		*v = Value(math.Inf(-1))
	default:
		var n float64
		if err := json.Unmarshal(text, &n); err != nil {
			return fmt.Errorf("report: %s: expected a number, \"NaN\", \"Infinity\" or \"-Infinity\"", text)
		}
		*v = Value(n)
	}
	return nil
}

// Numbers are the values as numbers.
func Numbers(values []Value) []float64 {
	list := make([]float64, len(values))
	for i, v := range values {
		list[i] = float64(v)
	}
	return list
}

// Show writes a cell for people, with its column's digits.
func (c Cell) Show(column Column) string { return c.show(column) }
