package well

import (
	"fmt"
	"math"
)

// evenSteps is the ratio of the largest to the smallest step from which steps no longer count as even.
const evenSteps = 1.05

// UnevenSteps are sentences about steps between frames, or between grid points, that differ. The format allows them; the
// network takes all steps as equal.
func UnevenSteps(h Header) []string {
	var found []string
	uneven := func(values []float32) (least, most float64, is bool) {
		least, most = math.Inf(1), math.Inf(-1)
		slack := 0.0 // by which rounding to float32 changes a step
		for i := 1; i < len(values); i++ {
			step := math.Abs(float64(values[i]) - float64(values[i-1]))
			least, most = min(least, step), max(most, step)
			slack = max(slack, math.Abs(float64(values[i]))*0x1p-22)
		}
		return least, most, most-slack > evenSteps*(least+slack)
	}
	if least, most, is := uneven(h.Time); is {
		found = append(found, fmt.Sprintf("time steps vary from %.3g to %.3g: the network takes them as equal; write frames at even times, or interpolate", least, most))
	}
	for _, a := range h.Axes {
		if least, most, is := uneven(a.Coordinates); is {
			found = append(found, fmt.Sprintf("the spacing along %s varies from %.3g to %.3g: the network takes the grid as uniform; resample strongly stretched grids", a.Name, least, most))
		}
	}
	return found
}

// Uneven are the sentences of UnevenSteps for the data set's first file.
func (d *Dataset) Uneven() []string { return UnevenSteps(d.header) }
