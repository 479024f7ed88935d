package volume

import "math"

// Units of the interstellar scenarios: parsec, million years, solar mass, kelvin. Velocities are in pc/Myr (0.978 km/s),
// densities in solar masses per cubic parsec, pressures in solar masses / (pc Myr^2).
const (
	gravitationalConstant = 4.4985e-3 // pc^3 / (solar mass Myr^2)
	hydrogenDensity       = 0.024711  // solar masses / pc^3 of one hydrogen atom a cubic centimetre
	gasConstant           = 8.6342e-3 // Boltzmann's constant over the hydrogen mass, (pc/Myr)^2 / K
	supernovaEnergy       = 5.2585e7  // 1e51 erg in solar masses (pc/Myr)^2
	coolingUnit           = 4.8754e25 // 1 erg / (cm^3 s) in solar masses / (pc Myr^3)
	heatingRate           = 2e-26     // erg/s a hydrogen atom (Koyama and Inutsuka 2002)
	coldestGas            = 10.0      // K; cooling stops there
	mostCoolingChange     = 0.1       // of the temperature in one substep
	mostCoolingSteps      = 1000      // substeps of a cell in a step
	interstellarGamma     = 5.0 / 3   // monatomic gas
	ambientContrast       = 1.0 / 100 // density outside the cloud over the cloud's
)

// coolingPiece is Lambda = coefficient T^exponent below a temperature.
type coolingPiece struct{ below, coefficient, exponent float64 }

// coolingLaw is the cooling coefficient of gas of solar composition, erg cm^3 / s, in power laws (Rosen and Bregman,
// Astrophys. J. 440 (1995) 634), the coldest one continued down to 10 K.
var coolingLaw = [...]coolingPiece{
	{2e3, 2.2380e-32, 2},
	{8e3, 1.0012e-30, 1.5},
	{1e5, 4.6240e-36, 2.867},
	{4e7, 1.7800e-18, -0.65},
	{math.Inf(1), 3.2217e-27, 0.5},
}

// lambda evaluates the cooling law.
func lambda(temperature float64) float64 {
	for _, piece := range coolingLaw {
		if temperature < piece.below {
			return piece.coefficient * math.Pow(temperature, piece.exponent)
		}
	}
	return 0
}

// radiation is heating and cooling of interstellar gas: de/dt = n Gamma - metallicity n^2 Lambda(T), n hydrogen atoms per
// cubic centimetre. Without metals there is neither.
type radiation struct {
	gas         Euler
	metallicity float64 // relative to the sun's
	heating     float64 // Gamma at solar metallicity, erg/s a hydrogen atom; proportional to the metallicity (dust)
}

// rate is dT/dt in K/Myr.
func (r radiation) rate(density, temperature float64) float64 {
	n := density / hydrogenDensity
	gain := r.metallicity * (n*r.heating - n*n*lambda(temperature)) * coolingUnit
	return (r.gas.Gamma - 1) * gain / (density * gasConstant)
}

// relax integrates a cell's temperature over dt at constant density: midpoint steps of at most a tenth of the
// temperature. Where half a step would cross the equilibrium of heating and cooling, the gas has relaxed to it.
func (r radiation) relax(density, temperature, dt float64) float64 {
	for step := 0; dt > 0 && step < mostCoolingSteps; step++ {
		rate := r.rate(density, temperature)
		if rate == 0 || (rate < 0 && temperature <= coldestGas) {
			break
		}
		h := min(dt, mostCoolingChange*temperature/math.Abs(rate))
		half := 0.5 * h * rate
		middle := r.rate(density, temperature+half)
		if middle*rate <= 0 {
			return max(min(temperature, coldestGas), temperature+half*rate/(rate-middle))
		}
		temperature = max(min(temperature, coldestGas), temperature+h*middle)
		dt -= h
	}
	return temperature
}

// split returns the operator-split step for a Solver.
func (r radiation) split(s *Solver) func(float64, float64, State) error {
	energyRow := r.gas.Dims + 1
	return func(_, dt float64, u State) error {
		if r.metallicity == 0 {
			return nil
		}
		overBlocks(s.Workers, s.Grid.Cells(), func(from, to int) {
			for i := from; i < to; i++ {
				density, pressure := u[0][i], r.gas.Pressure(u, i)
				before := pressure / (density * gasConstant)
				after := r.relax(density, before, dt)
				u[energyRow][i] += density * gasConstant * (after - before) / (r.gas.Gamma - 1)
			}
		})
		return nil
	}
}
