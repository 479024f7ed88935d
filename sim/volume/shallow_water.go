package volume

import (
	"context"
	"fmt"
	"math"
)

// shallowWater is a thin layer of water on a rotating sphere, in metres and seconds. Velocity is (v, u): v along theta
// (southward), u along phi (eastward); h is the surface's height over its mean.
//
//	v_t =  (zeta + f) u - (K + g h)_theta / a
//	u_t = -(zeta + f) v - (K + g h)_phi / (a sin theta)
//	h_t = -div((H + h - b) (v, u)) + F
//
// with K = (u^2 + v^2) / 2, zeta = ((u sin theta)_theta - v_phi) / (a sin theta), b the ground. Fourth-order Runge-Kutta.
type shallowWater struct {
	*sphere
	radius, gravity, depth float64
	coriolis, ground       []float64                            // f and b, cell by cell
	forcing                func(time float64, height []float64) // adds F to a rate of change of h; nil for none
	damping                float64                              // 1/s at the cutoff, falling with the fourth power of the mode
	time                   float64                              // s
	state                  [3][]float64                         // v, u, h
	start, sum, rate       [3][]float64
	scratch                [4][]float64
}

// parities of v, u and h across the poles.
var shallowParity = [3]float64{-1, -1, 1}

// newShallowWater allocates water at rest.
func newShallowWater(rows, columns, workers int, radius, gravity, depth float64) *shallowWater {
	w := &shallowWater{sphere: newSphere(rows, columns, workers), radius: radius, gravity: gravity, depth: depth,
		coriolis: make([]float64, rows*columns), ground: make([]float64, rows*columns)}
	for k := range w.state {
		for _, rows4 := range []*[3][]float64{&w.state, &w.start, &w.sum, &w.rate} {
			rows4[k] = make([]float64, rows*columns)
		}
	}
	for k := range w.scratch {
		w.scratch[k] = make([]float64, rows*columns)
	}
	return w
}

// rates fills w.rate.
func (w *shallowWater) rates(time float64) {
	v, u, h := w.state[0], w.state[1], w.state[2]
	a, b, c, d := w.scratch[0], w.scratch[1], w.scratch[2], w.scratch[3]
	// Absolute vorticity in a.
	w.overRows(func(i int, sin float64) { c[i] = u[i] * sin })
	w.byColatitude(c, a, 1)
	w.byLongitude(v, b)
	w.overRows(func(i int, sin float64) { a[i] = (a[i]-b[i])/(w.radius*sin) + w.coriolis[i] })
	// Gradient of the Bernoulli function in c and d.
	w.overRows(func(i int, _ float64) { b[i] = 0.5*(u[i]*u[i]+v[i]*v[i]) + w.gravity*h[i] })
	w.byColatitude(b, c, 1)
	w.byLongitude(b, d)
	w.overRows(func(i int, sin float64) {
		w.rate[0][i] = a[i]*u[i] - c[i]/w.radius
		w.rate[1][i] = -a[i]*v[i] - d[i]/(w.radius*sin)
	})
	// Divergence of the flux.
	w.overRows(func(i int, sin float64) {
		depth := w.depth + h[i] - w.ground[i]
		a[i], b[i] = depth*v[i]*sin, depth*u[i]
	})
	w.byColatitude(a, c, 1)
	w.byLongitude(b, d)
	w.overRows(func(i int, sin float64) { w.rate[2][i] = -(c[i] + d[i]) / (w.radius * sin) })
	if w.forcing != nil {
		w.forcing(time, w.rate[2])
	}
}

// overRows calls visit for every point with the sine of its colatitude.
func (w *shallowWater) overRows(visit func(i int, sin float64)) {
	parallel(w.workers, w.rows, func(_, row int) {
		for i := row * w.columns; i < (row+1)*w.columns; i++ {
			visit(i, w.sin[row])
		}
	})
}

// rungeKutta lists the classical stages: the weight of a stage's rate, and where the next stage starts.
var rungeKutta = [...]struct{ weight, next, at float64 }{{1.0 / 6, 0.5, 0}, {1.0 / 3, 0.5, 0.5}, {1.0 / 3, 1, 0.5}, {1.0 / 6, 0, 1}}

// step advances by dt. The mean height changes by the forcing alone.
func (w *shallowWater) step(dt float64) {
	for k := range w.state {
		copy(w.start[k], w.state[k])
		copy(w.sum[k], w.state[k])
	}
	volume := w.mean(w.state[2])
	for _, stage := range rungeKutta {
		w.rates(w.time + stage.at*dt)
		w.overRows(func(i int, _ float64) {
			for k := range w.state {
				w.sum[k][i] += stage.weight * dt * w.rate[k][i]
				w.state[k][i] = w.start[k][i] + stage.next*dt*w.rate[k][i]
			}
		})
	}
	for k := range w.state {
		copy(w.state[k], w.sum[k])
		w.smooth(w.state[k], shallowParity[k], w.damping*dt)
	}
	lost := volume - w.mean(w.state[2]) // the forcing has zero mean
	w.overRows(func(i int, _ float64) { w.state[2][i] += lost })
	w.time += dt
}

// longest is a stable step: the fastest gravity wave of the shortest length kept near the poles.
func (w *shallowWater) longest() float64 {
	speed := 0.0
	for i, h := range w.state[2] {
		depth := max(0, w.depth+h-w.ground[i])
		speed = max(speed, math.Sqrt(w.gravity*depth)+math.Hypot(w.state[0][i], w.state[1][i]))
	}
	shortest := w.cutoff()
	for row, sin := range w.sin {
		shortest = max(shortest, w.zonalCutoff(row)/sin)
	}
	return 2 * w.radius / (speed * math.Hypot(shortest, w.cutoff()))
}

// advance integrates to time end in equal steps.
func (w *shallowWater) advance(ctx context.Context, end float64) error {
	for w.time < end {
		if err := ctx.Err(); err != nil {
			return err
		}
		longest := w.longest()
		if !(longest > 0) {
			return fmt.Errorf("volume: shallow water at %g s is no longer finite", w.time)
		}
		steps := math.Ceil((end - w.time) / longest)
		if steps <= 1 {
			w.step(end - w.time)
			w.time = end
		} else {
			w.step((end - w.time) / steps)
		}
		if cell := firstNotFinite(w.state[:], 0, len(w.state[0])); cell >= 0 {
			return fmt.Errorf("volume: shallow water at %g s is not finite in row %d, column %d", w.time, cell/w.columns, cell%w.columns)
		}
		for i, h := range w.state[2] {
			if w.depth+h-w.ground[i] <= 0 {
				return fmt.Errorf("volume: shallow water at %g s has run dry in row %d, column %d", w.time, i/w.columns, i%w.columns)
			}
		}
	}
	return nil
}
