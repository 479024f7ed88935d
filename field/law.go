package field

// Law is how the values of a field turn with its grid: their indices by the rank, and their sign in mirror images.
//
// A pseudo-scalar, pseudo-vector or pseudo-tensor turns as one without the prefix and changes its sign besides where R, the matrix
// of a Rotation, has the determinant -1 (a mirror image): s' = det(R) s, v' = det(R) R v. Such are the curls of vectors: the
// vorticity of a velocity, and the magnetic field, as the curl of a vector potential. The equations of magnetohydrodynamics alone
// would allow either law for it, since they do not change under B to -B; the current, its curl, is a vector with this one.
type Law struct {
	Rank   Rank
	Pseudo bool
	// Normal marks a scalar that is the component of a vector along the last axis, which data in a plane do not have: the vorticity
	// of a plane flow. With Pseudo it is that of a pseudo-vector.
	Normal bool
}

// Sign is the factor that a field of a law gets in a rotation beside what its rank says: 1 or -1.
func (r Rotation) Sign(l Law) float32 {
	negative := l.Pseudo && !r.Proper()
	if last := len(r.Axis) - 1; l.Normal {
		for i, axis := range r.Axis {
			if axis == last {
				negative = negative != r.Flip[i]
			}
		}
	}
	if negative {
		return -1
	}
	return 1
}

// ApplyLaws is Apply for fields with their laws, pseudo-vectors among them.
func (r Rotation) ApplyLaws(a Array, laws []Law) (Array, error) {
	ranks := make([]Rank, len(laws))
	for i, l := range laws {
		ranks[i] = l.Rank
	}
	out, err := r.Apply(a, ranks)
	if err != nil {
		return Array{}, err
	}
	channels, first := out.Axis(-1), 0
	for _, l := range laws {
		count := l.Rank.Components(len(r.Axis))
		if r.Sign(l) < 0 {
			for at := first; at < len(out.Data); at += channels {
				for c := range out.Data[at : at+count] {
					out.Data[at+c] = -out.Data[at+c]
				}
			}
		}
		first += count
	}
	return out, nil
}
