package volume

import "math"

// Acoustics is sound in a medium whose density and bulk modulus K vary in space: p_t + K div u = 0, rho u_t + grad p = 0.
// It is solved in the conservative form for the compression p/K and the momentum rho u, so that what leaves one cell
// enters its neighbour even where the medium jumps. Reconstructed: pressure and velocity, whose normal component is
// continuous across jumps. Materials: density rho and impedance sqrt(K rho).
type Acoustics struct {
	Dims    int
	Modulus float64 // the bulk modulus K, the same everywhere
}

// Variables implements System.
func (a Acoustics) Variables() int { return a.Dims + 1 }

// Materials implements System.
func (a Acoustics) Materials() int { return 2 }

// Mirror implements System.
func (a Acoustics) Mirror(axis int) []float64 { return mirrorVectors(a.Variables(), 1+axis) }

// Primitive implements System.
func (a Acoustics) Primitive(_ int, u, material, w [][]float64) float64 {
	for i, compression := range u[0] {
		w[0][i] = a.Modulus * compression
	}
	density, impedance := material[0], material[1]
	for k := 1; k <= a.Dims; k++ {
		for i, m := range u[k] {
			w[k][i] = m / density[i]
		}
	}
	highest := 0.0
	for i, z := range impedance {
		highest = max(highest, z/density[i])
	}
	return highest
}

// Flux implements System with the exact solution of the Riemann problem between two media (LeVeque, "Finite Volume
// Methods for Hyperbolic Problems", section 9.9).
func (a Acoustics) Flux(axis int, left, right, material, f [][]float64) {
	n := 1 + axis
	impedance := material[1]
	for k := 1; k <= a.Dims; k++ {
		clear(f[k])
	}
	for i := range f[0] {
		zl, zr := impedance[i], impedance[i+1]
		pl, pr, ul, ur := left[0][i], right[0][i], left[n][i], right[n][i]
		inverse := 1 / (zl + zr)
		f[0][i] = (zl*ul + zr*ur + pl - pr) * inverse
		f[n][i] = (zr*pl + zl*pr + zl*zr*(ul-ur)) * inverse
	}
}

// Admissible implements System.
func (a Acoustics) Admissible(u State, from, to int) int { return firstNotFinite(u, from, to) }

// firstNotFinite returns the first cell in [from, to) with a NaN or an infinity, or -1.
func firstNotFinite(u State, from, to int) int {
	for i := from; i < to; i++ {
		for _, row := range u {
			if v := row[i]; v-v != 0 {
				return i
			}
		}
	}
	return -1
}

// setMedium stores the densities and what follows from them.
func (a Acoustics) setMedium(density []float64) State {
	impedance := make([]float64, len(density))
	for i, d := range density {
		impedance[i] = math.Sqrt(a.Modulus * d)
	}
	return State{density, impedance}
}
