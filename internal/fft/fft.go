package fft

// Transform is the unnormalised discrete Fourier transform over all axes of a row-major grid of these sizes, in place.
func Transform(values []complex128, sizes []int) {
	stride := 1
	for axis := len(sizes) - 1; axis >= 0; axis-- {
		n := sizes[axis]
		if n > 1 {
			along(values, n, stride)
		}
		stride *= n
	}
}

// along transforms all lines of n values that lie stride apart.
func along(values []complex128, n, stride int) {
	plan := NewPlan(n)
	line := make([]complex128, n)
	for block := 0; block < len(values); block += n * stride {
		for offset := range stride {
			for i := range line {
				line[i] = values[block+offset+i*stride]
			}
			plan.Forward(line)
			for i, v := range line {
				values[block+offset+i*stride] = v
			}
		}
	}
}

// Frequency is the number of waves along an axis of n points that coefficient i stands for; those of the upper half are negative.
func Frequency(i, n int) int {
	if i >= (n+1)/2 {
		return i - n
	}
	return i
}
