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

// adamWCoefficients are the numbers of a step that do not depend on the element, as the kernels read them.
type adamWCoefficients struct {
	gradScale, beta1, rest1, beta2, rest2, rootCorrection, epsilon, rate, keep float32
}

func (w AdamW) coefficients() adamWCoefficients {
	scale := w.GradScale
	if scale == 0 {
		scale = 1
	}
	step := float64(max(w.Step, 1))
	return adamWCoefficients{
		gradScale:      float32(scale),
		beta1:          float32(w.Beta1),
		rest1:          float32(1 - w.Beta1),
		beta2:          float32(w.Beta2),
		rest2:          float32(1 - w.Beta2),
		rootCorrection: float32(1 / math.Sqrt(1-math.Pow(w.Beta2, step))),
		epsilon:        float32(w.Epsilon),
		rate:           float32(w.LearningRate / (1 - math.Pow(w.Beta1, step))),
		keep:           float32(1 - w.LearningRate*w.WeightDecay),
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

func adamWPlain(p, m, v, g []float32, c *adamWCoefficients) {
	for i := range p {
		grad := g[i] * c.gradScale
		m[i] = fma32(m[i], c.beta1, grad*c.rest1)
		v[i] = fma32(v[i], c.beta2, grad*grad*c.rest2)
		root := float32(math.Sqrt(float64(v[i])))
		p[i] = p[i]*c.keep - c.rate*m[i]/fma32(root, c.rootCorrection, c.epsilon)
	}
}
