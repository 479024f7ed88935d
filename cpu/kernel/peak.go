package kernel

import "time"

// MeasurePeak returns the multiply-add rate that the workers of p reach together with the instructions of s, in FLOP/s
// (two per multiply-add), measured for about the given time on registers alone: the bound of every product.
func (s *Set) MeasurePeak(p *Pool, duration time.Duration) float64 {
	const rounds = 20000
	rates := make([]float64, p.Workers())
	p.Run(p.Workers(), func(task, _ int) {
		start := time.Now()
		flops := 0.0
		for time.Since(start) < duration {
			flops += s.peak(rounds)
		}
		rates[task] = flops / time.Since(start).Seconds()
	})
	total := 0.0
	for _, r := range rates {
		total += r
	}
	return total
}

// peakPlain does independent multiply-adds and returns their number of operations.
func peakPlain(rounds int) float64 {
	var a, b, c, d, e, f, g, h float32
	x := float32(rounds)
	for range rounds {
		a, b, c, d = a*x+x, b*x+x, c*x+x, d*x+x
		e, f, g, h = e*x+x, f*x+x, g*x+x, h*x+x
	}
	if a+b+c+d+e+f+g+h == 1 { // keeps the loop
		return 0
	}
	return float64(rounds) * 16
}
