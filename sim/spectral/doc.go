// Package spectral solves partial differential equations with global basis functions: Fourier series along periodic axes
// and Legendre polynomials between walls.
//
// The one idea: every scenario is a semi-discrete system M du/dt = L u + N(u) for a flat vector u of complex
// coefficients, where M and L act on each Fourier mode by itself and are treated implicitly, and N is evaluated at grid
// points. One implicit-explicit Runge-Kutta stepper (Stepper) advances them all; a scenario says what its fields, its
// linear rates and its products at the grid points are. Results do not depend on the number of workers, because each
// coefficient is computed by one of them from the same numbers in the same order.
package spectral
