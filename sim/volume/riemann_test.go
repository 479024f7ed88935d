package volume

import "math"

// gasState is density, velocity and pressure on one side of a Riemann problem.
type gasState struct{ density, velocity, pressure float64 }

// exactRiemann samples the exact solution of a Riemann problem of an ideal gas at x/t = xi (Toro, "Riemann Solvers and
// Numerical Methods for Fluid Dynamics", chapter 4): Newton's method for the pressure between the waves, then the
// wave that the ray crosses.
func exactRiemann(l, r gasState, gamma, xi float64) gasState {
	p, u := starRegion(l, r, gamma)
	if xi <= u {
		return sampleSide(l, p, u, gamma, xi)
	}
	mirrored := sampleSide(gasState{r.density, -r.velocity, r.pressure}, p, -u, gamma, -xi)
	mirrored.velocity *= -1
	return mirrored
}

// starRegion finds pressure and velocity between the two outer waves.
func starRegion(l, r gasState, gamma float64) (p, u float64) {
	change := func(s gasState, p float64) (f, slope float64) {
		c := math.Sqrt(gamma * s.pressure / s.density)
		if p > s.pressure {
			a, b := 2/((gamma+1)*s.density), (gamma-1)/(gamma+1)*s.pressure
			root := math.Sqrt(a / (p + b))
			return (p - s.pressure) * root, root * (1 - (p-s.pressure)/(2*(p+b)))
		}
		ratio := p / s.pressure
		return 2 * c / (gamma - 1) * (math.Pow(ratio, (gamma-1)/(2*gamma)) - 1),
			math.Pow(ratio, -(gamma+1)/(2*gamma)) / (s.density * c)
	}
	p = 0.5 * (l.pressure + r.pressure)
	for range 100 {
		fl, dl := change(l, p)
		fr, dr := change(r, p)
		next := max(1e-10, p-(fl+fr+r.velocity-l.velocity)/(dl+dr))
		if math.Abs(next-p) < 1e-14*p {
			break
		}
		p = next
	}
	fl, _ := change(l, p)
	fr, _ := change(r, p)
	return p, 0.5 * (l.velocity + r.velocity + fr - fl)
}

// sampleSide is the solution left of the contact.
func sampleSide(s gasState, p, u, gamma, xi float64) gasState {
	c := math.Sqrt(gamma * s.pressure / s.density)
	ratio := p / s.pressure
	if p > s.pressure { // shock
		speed := s.velocity - c*math.Sqrt((gamma+1)/(2*gamma)*ratio+(gamma-1)/(2*gamma))
		if xi < speed {
			return s
		}
		k := (gamma - 1) / (gamma + 1)
		return gasState{s.density * (ratio + k) / (k*ratio + 1), u, p}
	}
	star := c * math.Pow(ratio, (gamma-1)/(2*gamma))
	switch {
	case xi < s.velocity-c:
		return s
	case xi > u-star:
		return gasState{s.density * math.Pow(ratio, 1/gamma), u, p}
	}
	inside := 2/(gamma+1) + (gamma-1)/((gamma+1)*c)*(s.velocity-xi)
	return gasState{s.density * math.Pow(inside, 2/(gamma-1)),
		2 / (gamma + 1) * (c + (gamma-1)/2*s.velocity + xi), s.pressure * math.Pow(inside, 2*gamma/(gamma-1))}
}
