package volume

// System is a set of hyperbolic conservation laws dU/dt + div F(U) = 0. All methods must be safe for use by several
// goroutines at once. Rows are slices over the cells or faces of a bundle of pencils; rows[v][i] is variable v.
type System interface {
	// Variables is the number of conserved variables in a cell.
	Variables() int
	// Materials is the number of constants that each cell carries besides (density of a medium, for example).
	Materials() int
	// Mirror is the sign that each conserved variable takes in a mirror perpendicular to axis: -1 for the normal
	// component of a vector, else +1. Materials are copied.
	Mirror(axis int) []float64
	// Primitive fills the rows of w with the variables that are reconstructed, as many as there are conserved ones,
	// and returns the highest signal speed along axis. Limited slopes keep each w between its neighbours' values,
	// so what is positive in w stays positive at the faces.
	Primitive(axis int, u, material, w [][]float64) float64
	// Flux fills the rows of f with the flux through faces 0 <= i < len(f[0]), from the reconstructed variables on the
	// two sides; left[v][i] and right[v][i] touch face i, and face i lies between the cells i and i+1 of material.
	Flux(axis int, left, right, material, f [][]float64)
	// Admissible returns the index of the first cell in [from, to) whose state is impossible (not finite, or a
	// negative density or pressure), or -1.
	Admissible(u State, from, to int) int
}
