package volume

import (
	"math"
	"testing"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/sim/scenario"
)

// plasmaState is density, velocity and magnetic field.
type plasmaState struct {
	density float64
	v, b    [3]float64
}

// plasmaSolver sets up a row of cells along axis.
func plasmaSolver(t *testing.T, n, axis int, sound float64, b field.Boundary, set func(x float64) plasmaState) *Solver {
	t.Helper()
	points := []int{1, 1, 1}
	points[axis] = n
	grid, err := NewGrid(points, []float64{0, 0, 0}, []float64{1, 1, 1})
	if err != nil {
		t.Fatal(err)
	}
	s := &Solver{System: IsothermalMHD{Sound: sound}, Grid: grid, Workers: 1, State: NewState(rowsMHD, n),
		Boundaries: []field.Sides{field.Both(b), field.Both(b), field.Both(b)}}
	for i := range n {
		q := set(grid.Center(axis, i))
		s.State[0][i] = q.density
		for k := range 3 {
			s.State[rowMomentum+k][i] = q.density * q.v[k]
			s.State[rowMagnetic+k][i] = q.b[k]
		}
	}
	return s
}

// A circularly polarised Alfven wave is an exact solution at any amplitude: it travels along the field at B / sqrt(rho).
func TestCircularAlfvenWaveReturnsAfterItsPeriod(t *testing.T) {
	const density, normal, amplitude = 1.5, 0.9, 0.3
	for axis := range 3 {
		wave := func(x float64) plasmaState {
			sin, cos := math.Sincos(2 * math.Pi * x)
			q := plasmaState{density: density}
			q.b[axis] = normal
			for k, v := range [2]float64{amplitude * cos, amplitude * sin} {
				across := (axis + 1 + k) % 3
				q.b[across], q.v[across] = v, -v/math.Sqrt(density) // travels towards higher x
			}
			return q
		}
		failure := func(n int) float64 {
			s := plasmaSolver(t, n, axis, 0.7, field.Periodic, wave)
			advance(t, s, math.Sqrt(density)/normal)
			sum := 0.0
			for i := range n {
				sum += math.Abs(s.State[rowMagnetic+(axis+1)%3][i]-wave(s.Grid.Center(axis, i)).b[(axis+1)%3]) / float64(n)
			}
			return sum
		}
		coarse, fine := failure(32), failure(64)
		if order := math.Log2(coarse / fine); order < 1.7 || fine > 0.02*amplitude {
			t.Errorf("axis %d: errors %.3g and %.3g of an amplitude of %g, order %.2f; expected order 1.7 or more", axis, coarse, fine, amplitude, order)
		}
	}
}

// A weak compression across the field travels at the fast speed sqrt(a^2 + B^2 / rho).
func TestFastWaveTravelsAtTheMagnetosonicSpeed(t *testing.T) {
	const n, density, across, sound, amplitude = 64, 1.0, 1.2, 0.8, 1e-4
	speed := math.Sqrt(sound*sound + across*across/density)
	s := plasmaSolver(t, n, 0, sound, field.Periodic, func(x float64) plasmaState {
		d := amplitude * math.Cos(2*math.Pi*x)
		return plasmaState{density: density * (1 + d), v: [3]float64{speed * d, 0, 0}, b: [3]float64{0, across * (1 + d), 0}}
	})
	advance(t, s, 1/speed)
	var cosine, sine float64
	for i, d := range s.State[0] {
		x := 2 * math.Pi * s.Grid.Center(0, i)
		cosine += (d - density) * math.Cos(x) * 2 / n
		sine += (d - density) * math.Sin(x) * 2 / n
	}
	if phase := math.Atan2(sine, cosine) / (2 * math.Pi); math.Abs(phase) > 2e-3 {
		t.Errorf("after one period the wave is %.2g wavelengths off", phase)
	}
	if got := math.Hypot(sine, cosine) / amplitude; math.Abs(got-1) > 0.01 {
		t.Errorf("after one period the amplitude is %.4f of the first", got)
	}
}

// isothermalRiemann is the density between the waves of an isothermal gas without a field, by bisection of the velocity
// curves: a rarefaction has u + a log rho constant, a shock (rho - rho0) a / sqrt(rho rho0).
func isothermalRiemann(l, r plasmaState, sound float64) (density, velocity float64) {
	change := func(rho, rho0 float64) float64 {
		if rho > rho0 {
			return sound * (rho - rho0) / math.Sqrt(rho*rho0)
		}
		return sound * math.Log(rho/rho0)
	}
	low, high := 1e-9, 1e9
	for range 200 {
		middle := math.Sqrt(low * high)
		if l.v[0]-change(middle, l.density) > r.v[0]+change(middle, r.density) {
			low = middle
		} else {
			high = middle
		}
	}
	return low, l.v[0] - change(low, l.density)
}

func TestIsothermalShockTubeHasTheExactMiddleState(t *testing.T) {
	const n, sound = 400, 1.0
	l, r := plasmaState{density: 3}, plasmaState{density: 0.5}
	s := plasmaSolver(t, n, 0, sound, field.Open, func(x float64) plasmaState {
		if x < 0.5 {
			return l
		}
		return r
	})
	advance(t, s, 0.2)
	density, velocity := isothermalRiemann(l, r, sound)
	for i := int(0.5*n) + 5; i < int((0.5+0.2*velocity)*n); i++ { // between contact-free middle and shock
		if got := s.State[0][i]; math.Abs(got/density-1) > 0.01 {
			t.Fatalf("cell %d: density %.4f, exact %.4f", i, got, density)
		}
		if got := s.State[rowMomentum][i] / s.State[0][i]; math.Abs(got/velocity-1) > 0.01 {
			t.Fatalf("cell %d: velocity %.4f, exact %.4f", i, got, velocity)
		}
	}
}

// Supersonic turbulence is the hard case: the field must stay free of divergence, and mass, momentum and mean field
// must stay what they were.
func TestTurbulentFieldStaysFreeOfDivergence(t *testing.T) {
	const n = 12
	grid, err := NewGrid([]int{n, n, n}, []float64{0, 0, 0}, []float64{1, 1, 1})
	if err != nil {
		t.Fatal(err)
	}
	sides := []field.Sides{field.Both(field.Periodic), field.Both(field.Periodic), field.Both(field.Periodic)}
	s := magneticSolver(scenario.Case{Grid: grid.Points, Seed: 4, Workers: 2, Parameters: map[string]float64{"Ms": 7, "Ma": 0.7}}, grid, sides)
	before := make([]float64, rowsMHD)
	for v := range before {
		before[v] = s.Total(v)
	}
	advance(t, s, 0.2)
	for v, want := range before {
		if got := s.Total(v); math.Abs(got-want) > 1e-12 {
			t.Errorf("total of variable %d went from %.15g to %.15g", v, want, got)
		}
	}
	worst, largest := 0.0, 0.0
	at := func(component, x, y, z int) float64 {
		return s.State[rowMagnetic+component][((x+n)%n*n+(y+n)%n)*n+(z+n)%n]
	}
	for x := range n {
		for y := range n {
			for z := range n {
				divergence := at(0, x+1, y, z) - at(0, x-1, y, z) + at(1, x, y+1, z) - at(1, x, y-1, z) + at(2, x, y, z+1) - at(2, x, y, z-1)
				worst = max(worst, math.Abs(divergence))
				largest = max(largest, math.Abs(at(1, x, y, z)))
			}
		}
	}
	if worst > 1e-12 || largest < 0.1 {
		t.Errorf("largest difference of the field over a cell's neighbours %.3g with transverse fields up to %.3g; expected round-off", worst, largest)
	}
}

// shockStates gives the two sides of an isothermal magnetohydrodynamic shock of the given compression that runs towards
// higher x at speed 0.4, by the Rankine-Hugoniot conditions in the frame where the shock rests and the electric field
// vanishes (de Hoffmann and Teller, Phys. Rev. 80 (1950) 692): v_t = v_n B_t / B_n, and B_t (m v_n - B_n^2) is the same on
// both sides. fast chooses between the two solutions, of which one is faster than an Alfven wave. ahead is at rest across.
func shockStates(sound, bn, bt, compression float64, fast bool) (behind, ahead plasmaState) {
	const density, speed = 1.0, 0.4
	after := func(square float64) float64 { // B_t behind, from v_n^2 ahead
		return bt * (density*square - bn*bn) / (density*square/compression - bn*bn)
	}
	momentum := func(square float64) float64 { // excess of the flux of normal momentum ahead
		b := after(square)
		return density*square*(1-1/compression) + density*sound*sound*(1-compression) + 0.5*(bt*bt-b*b)
	}
	low, high := 0.0, bn*bn/density
	if fast {
		low, high = compression*bn*bn/density, 1e6
	}
	for range 200 {
		if middle := 0.5 * (low + high); momentum(middle) < 0 {
			low = middle
		} else {
			high = middle
		}
	}
	inflow := -math.Sqrt(low) // v_n ahead, where the shock rests
	across := func(vn, b float64) float64 { return vn*b/bn - inflow*bt/bn }
	ahead = plasmaState{density, [3]float64{speed + inflow, 0, 0}, [3]float64{bn, bt, 0}}
	outflow, b := inflow/compression, after(low)
	behind = plasmaState{density * compression, [3]float64{speed + outflow, across(outflow, b), 0}, [3]float64{bn, b, 0}}
	return behind, ahead
}

// A shock that meets the jump conditions stays one jump and moves at its speed, whichever axis it runs along.
func TestMagneticShocksKeepTheirJumpsAndSpeeds(t *testing.T) {
	const n, sound, start, end = 100, 0.5, 0.3, 0.75
	for _, fast := range []bool{true, false} {
		behind, ahead := shockStates(sound, 1.2, 0.6, 1.5, fast)
		for axis := range 3 {
			turned := func(q plasmaState) plasmaState {
				out := plasmaState{density: q.density}
				for k := range 3 {
					out.v[(axis+k)%3], out.b[(axis+k)%3] = q.v[k], q.b[k]
				}
				return out
			}
			s := plasmaSolver(t, n, axis, sound, field.Open, func(x float64) plasmaState {
				if x < start {
					return turned(behind)
				}
				return turned(ahead)
			})
			advance(t, s, end)
			field := s.State[rowMagnetic+(axis+1)%3]
			density, magnetic := 0.0, 0.0 // mean errors
			for i := range n {
				want := ahead
				if s.Grid.Center(axis, i) < start+0.4*end {
					want = behind
				}
				density += math.Abs(s.State[0][i]-want.density) / n
				magnetic += math.Abs(field[i]-want.b[1]) / n
			}
			// In units of the jump, the mean error is the shock's width as a share of the row.
			density /= behind.density - ahead.density
			magnetic /= math.Abs(behind.b[1] - ahead.b[1])
			if density > 0.03 || magnetic > 0.03 {
				t.Errorf("fast %t, axis %d: mean errors %.4f of the density's and %.4f of the field's jump, allowed 0.03", fast, axis, density, magnetic)
			} else if axis == 0 {
				t.Logf("fast %t: B_t %.3f to %.3f, mean errors %.4f and %.4f of the jumps", fast, ahead.b[1], behind.b[1], density, magnetic)
			}
		}
	}
}
