package surrogate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/well"
)

// Fits reports data that the model can not take, before anything is predicted: data with another number of axes than its encoders, or with fields that it has not
// learnt. The error says what the data has.
func (m *Model) Fits(d *well.Dataset) error {
	has := fmt.Sprintf("the data set %s has axes %s of %v points and fields %s", d.Name(), strings.Join(d.Axes(), ", "), d.Sizes(),
		strings.Join(append(d.VariableChannels(), d.ConstantChannels()...), ", "))
	if axes := len(d.Axes()); len(m.Config.Dimensions) > 0 && !slices.Contains(m.Config.Dimensions, axes) {
		return fmt.Errorf("%s; the weights are for data with %v axes", has, m.Config.Dimensions)
	}
	s, err := m.For(d)
	if err != nil {
		return err
	}
	if _, err := s.Layout(d); err != nil {
		return fmt.Errorf("%s; %w", has, err)
	}
	return nil
}
