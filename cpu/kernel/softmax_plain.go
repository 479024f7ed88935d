package kernel

import "math"

// softmaxBlockPlain is one step of the running softmax over blocks of keys. block is [keys, lanes], lanes = len(top), one
// lane a query, in units of log 2. It raises top[lane] to the largest score so far, replaces the scores by their powers of 2 relative to
// it, sets factor[lane] to what earlier powers must be multiplied by and brings sum[lane] up to date. A lane
// whose scores are all -Inf keeps sum 0.
func softmaxBlockPlain(block, top, sum, factor []float32) {
	lanes := len(top)
	for lane := range lanes {
		high := top[lane]
		for i := lane; i < len(block); i += lanes {
			high = max(high, block[i])
		}
		shift := float64(high)
		if math.IsInf(shift, -1) {
			shift = 0
		}
		factor[lane] = float32(math.Exp2(float64(top[lane]) - shift))
		total := 0.0
		for i := lane; i < len(block); i += lanes {
			block[i] = float32(math.Exp2(float64(block[i]) - shift))
			total += float64(block[i])
		}
		top[lane] = high
		sum[lane] = sum[lane]*factor[lane] + float32(total)
	}
}

// gradBlockPlain turns scores into probabilities, p = 2^(p - shift[lane]), and the gradient of the probabilities into
// that of the scores, dp = scale * p * (dp - delta[lane]). p and dp are [keys, lanes], lanes = len(shift).
func gradBlockPlain(p, dp, shift, delta []float32, scale float32) {
	lanes := len(shift)
	for i := range p {
		lane := i % lanes
		p[i] = float32(math.Exp2(float64(p[i]) - float64(shift[lane])))
		dp[i] = p[i] * (dp[i] - delta[lane]) * scale
	}
}

// scaleLanesPlain multiplies every row of block, [rows, lanes], by factor, lanes = len(factor).
func scaleLanesPlain(block, factor []float32) {
	for ; len(block) > 0; block = block[len(factor):] {
		for lane, f := range factor {
			block[lane] *= f
		}
	}
}
