package field

import "math"

// Spacing is the distance of neighbours among the positions of grid points along an axis, and whether all are equally far from each other, but for round-off of
// positions in float32. A single point has the distance 1.
func Spacing[T float32 | float64](positions []T) (step float64, even bool) {
	n := len(positions)
	if n < 2 {
		return 1, true
	}
	step = float64(positions[n-1]-positions[0]) / float64(n-1)
	const roundOff = 1e-3 // of the distance
	for i := 1; i < n; i++ {
		if !(math.Abs(float64(positions[i]-positions[i-1])-step) <= roundOff*math.Abs(step)) {
			return step, false
		}
	}
	return step, step != 0
}
