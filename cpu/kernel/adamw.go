package kernel

import "math"

// AdamW is one step of the AdamW optimizer (Loshchilov and Hutter, arXiv 1711.05101) with decoupled weight decay.
type AdamW struct {
	LearningRate float64
	Beta1, Beta2 float64 // decay of the first and second moment
	Epsilon      float64 // added to the root of the corrected second moment
	WeightDecay  float64
	Step         int     // number of this step, from 1: corrects the bias of the moments
	GradScale    float64 // multiplies the gradient first (clipping); 0 means 1
}

// coefficients are the numbers of a step that do not depend on the element, as the kernels read them: gradient scale,
// β1, 1-β1, β2, 1-β2, 1/sqrt(1-β2^k), ε, lr/(1-β1^k), 1 - lr wd.
func (w AdamW) coefficients() [9]float32 {
	scale := w.GradScale
	if scale == 0 {
		scale = 1
	}
	step := float64(max(w.Step, 1))
	return [9]float32{
		float32(scale), float32(w.Beta1), float32(1 - w.Beta1), float32(w.Beta2), float32(1 - w.Beta2),
		float32(1 / math.Sqrt(1-math.Pow(w.Beta2, step))), float32(w.Epsilon),
		float32(w.LearningRate / (1 - math.Pow(w.Beta1, step))), float32(1 - w.LearningRate*w.WeightDecay),
	}
}

// AdamW updates parameters p and moments m, v in place from gradient g, all of the length of p:
//
//	m = β1 m + (1-β1) g,  v = β2 v + (1-β2) g²,  p = p (1 - lr wd) - lr/(1-β1^k) m / (sqrt(v)/sqrt(1-β2^k) + ε).
func (s *Set) AdamW(w AdamW, p, m, v, g []float32) {
	if n := len(p); n > 0 {
		c := w.coefficients()
		s.adamW(p, m[:n], v[:n], g[:n], &c)
	}
}

func adamWPlain(p, m, v, g []float32, c *[9]float32) {
	scale, beta1, rest1, beta2, rest2, rootCorrection, epsilon, rate, keep := c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8]
	for i := range p {
		grad := g[i] * scale
		m[i] = fma32(m[i], beta1, grad*rest1)
		v[i] = fma32(v[i], beta2, grad*grad*rest2)
		root := float32(math.Sqrt(float64(v[i])))
		p[i] = p[i]*keep - rate*m[i]/fma32(root, rootCorrection, epsilon)
	}
}
