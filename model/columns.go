package model

import (
	"fmt"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
)

// Columns returns the run-time inputs that choose the fields of a data set from the vocabulary: encode [C + 3, states],
// which picks the columns of the fields and then bias correction, wall and open, the first C + 1 of them scaled
// (spec 2.3); and decode [C, states]. indices are the fields' columns in channel order. An index outside the vocabulary,
// a flag's column or a column named twice is an error.
func (c Config) Columns(indices []int) (encode, decode field.Array, err error) {
	if len(indices) == 0 {
		return encode, decode, fmt.Errorf("model: no fields")
	}
	encode = field.NewArray(len(indices)+frame.FlagChannels, c.States)
	decode = field.NewArray(len(indices), c.States)
	scale := c.fieldScale(len(indices))
	seen := make(map[int]bool, len(indices))
	for row, column := range indices {
		switch {
		case column < FirstField || column >= c.States:
			return encode, decode, fmt.Errorf("model: field %d has column %d; expected %d to %d", row, column, FirstField, c.States-1)
		case seen[column]:
			return encode, decode, fmt.Errorf("model: column %d is used by two fields", column)
		}
		seen[column] = true
		encode.Data[row*c.States+column] = scale
		decode.Data[row*c.States+column] = 1
	}
	flags := encode.Data[len(indices)*c.States:]
	flags[ColumnBiasCorrection] = scale
	flags[c.States+ColumnWall] = 1
	flags[2*c.States+ColumnOpen] = 1
	return encode, decode, nil
}
