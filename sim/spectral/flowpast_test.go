package spectral

import (
	"context"
	"math"
	"testing"
)

// An empty channel keeps the parabolic profile, with the pressure gradient -3 nu / h^2 of mean velocity 1.
func TestEmptyChannelKeepsPoiseuilleFlow(t *testing.T) {
	const viscosity = 0.05
	s := newTunnel([]int{32, 16}, viscosity, 1)
	state := make([]complex128, s.size())
	if err := NewStepper(s, len(state), 1).Advance(context.Background(), state, 1); err != nil {
		t.Fatal(err)
	}
	_, gradient := s.flowPressure(state)
	for i, u := range s.u {
		if want := s.base[i/s.nx]; math.Abs(u-want) > 1e-12 || math.Abs(s.v[i]) > 1e-12 {
			t.Fatalf("velocity (%v, %v), want (%v, 0)", u, s.v[i], want)
		}
	}
	if want := -3 * viscosity / (s.half * s.half); math.Abs(gradient-want) > 1e-12 {
		t.Errorf("pressure gradient %v, want %v", gradient, want)
	}
}

// A solid layer on the lower wall narrows the channel: the flow between it and the upper wall is parabolic, carries all
// the flux, and leaks into the layer over sqrt(nu eta) only.
func TestSolidLayerNarrowsPoiseuilleFlow(t *testing.T) {
	const viscosity = 0.5
	s := newTunnel([]int{16, 32}, viscosity, 1)
	for i := range s.fringe {
		s.fringe[i] = 0
	}
	leak := math.Sqrt(viscosity * permeability)
	const covered = 11 // rows of points; the surface lies half way to the next
	layer := s.half * (1 + (s.points[covered-1]+s.points[covered])/2)
	for i := range covered * s.nx {
		s.drag[i] = 1 / permeability
	}
	state := make([]complex128, s.size())
	if err := NewStepper(s, len(state), 1).Advance(context.Background(), state, 8); err != nil {
		t.Fatal(err)
	}
	s.evaluate(state)
	// exact: a parabola for layer < y < H, joined to a decaying exponential plus Darcy flow below
	profile := penalisedProfile(layer, tunnelHeight, leak)
	worst := 0.0
	for q, eta := range s.points {
		y := s.half * (1 + eta)
		worst = max(worst, math.Abs(s.u[q*s.nx]-profile(y)))
	}
	if worst > 0.04 {
		t.Errorf("largest error of the profile %.4f, allowed 0.04 (peak velocity %.2f)", worst, profile((layer+tunnelHeight)/2))
	}
	inside := math.Abs(s.u[0])
	if inside > 0.15 {
		t.Errorf("velocity %v deep inside the solid", inside)
	}
}

// penalisedProfile is steady flow of mean velocity 1 over 0 < y < height, driven by a uniform gradient g: d2u/dy2 = -g above
// the layer, d2u/dy2 - u/leak^2 = -g inside, no slip at y = 0 and height, value and slope continuous at the layer.
func penalisedProfile(layer, height, leak float64) func(y float64) float64 {
	gap := height - layer
	// with g = 1: inside u = leak^2 + a e^((y-layer)/leak) + b e^(-y/leak); above u = (height-y)(c + (y-layer)/2)
	solve := func(a float64) (value, slope, b float64) {
		b = -(leak*leak + a*math.Exp(-layer/leak))
		value = leak*leak + a + b*math.Exp(-layer/leak)
		slope = a/leak - b/leak*math.Exp(-layer/leak)
		return value, slope, b
	}
	// above: u(layer) = gap c, u'(layer) = gap/2 - c; both sides are linear in a
	mismatch := func(a float64) float64 {
		value, slope, _ := solve(a)
		return slope - (gap/2 - value/gap)
	}
	a := -mismatch(0) / (mismatch(1) - mismatch(0))
	value, _, b := solve(a)
	c := value / gap
	shape := func(y float64) float64 {
		if y < layer {
			return leak*leak + a*math.Exp((y-layer)/leak) + b*math.Exp(-y/leak)
		}
		return (height - y) * (c + (y-layer)/2)
	}
	mean := 0.0
	const n = 4000
	for i := range n {
		mean += shape(height*(float64(i)+0.5)/n) / n
	}
	return func(y float64) float64 { return shape(y) / mean }
}

func TestObstacleIsImpermeable(t *testing.T) {
	s := newTunnel([]int{80, 24}, 1./40, 2)
	o := &outline{x: 4, radius: 0.6}
	s.place(o)
	s.setFilter(s.viscosity, tunnelDamping)
	state := make([]complex128, s.size())
	if err := NewStepper(s, len(state), 2).Advance(context.Background(), state, 3); err != nil {
		t.Fatal(err)
	}
	s.evaluate(state)
	inside, wake := 0.0, 0.0
	for i, u := range s.u {
		x, y := s.x(i%s.nx), s.half*s.points[i/s.nx]
		if o.inside(x, y) < -0.35 {
			inside = max(inside, math.Hypot(u, s.v[i]))
		}
		if math.Abs(x-5) < 0.1 && math.Abs(y) < 0.1 {
			wake = u
		}
	}
	if inside > 0.1 {
		t.Errorf("speed %.3f inside the obstacle, want below 0.1", inside)
	}
	if wake > 0.5 {
		t.Errorf("velocity %.3f close behind the obstacle, want a wake", wake)
	}
	if _, gradient := s.flowPressure(state); gradient > -3./40/(s.half*s.half) {
		t.Errorf("pressure gradient %v; the obstacle should cost more than the walls alone", gradient)
	}
}

func TestFringeLeavesThePartShownAlone(t *testing.T) {
	s := newTunnel([]int{64, 16}, 0.01, 1)
	strongest := 0.0
	for i, rate := range s.fringe {
		if i < 64 && rate != 0 {
			t.Errorf("the fringe acts with rate %v at x = %v, inside the part shown", rate, s.x(i))
		}
		strongest = max(strongest, rate)
	}
	if math.Abs(strongest-fringeStrength) > 0.1*fringeStrength {
		t.Errorf("strongest rate %v, want about %v", strongest, fringeStrength)
	}
}
