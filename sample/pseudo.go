package sample

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/field"
)

// pseudoFields are the fields of the vocabulary, and other usual ones, that change their sign in mirror images beside what their
// rank says (field.Law). Of the released vocabulary it is the magnetic field alone.
var pseudoFields = strings.Fields(`magnetic_field magnetization
	vorticity potential_vorticity stream_function streamfunction angular_velocity angular_momentum torque
	helicity kinetic_helicity magnetic_helicity cross_helicity`)

// oddTransforms change their sign with that of their argument; under any other a field is no pseudo-field any more.
var oddTransforms = []Transform{"", "neg", "reciprocal", "sinh", "asinh", "arcsinh", "tanh", "atan", "arctan", "sin", ZerosLike}

// IsPseudo reports whether a field is known to change its sign in mirror images: under its name in the data set, which does
// not hold for fields that only happen to have it (Fields.Pseudo says otherwise).
func IsPseudo(name string) bool { return slices.Contains(pseudoFields, name) }

// law is how a field of the data set turns, under a transform.
func (f Fields) law(of field.Field, t Transform) field.Law {
	pseudo, said := f.Pseudo[of.Name]
	if !said {
		pseudo = IsPseudo(of.Name)
	}
	pseudo = pseudo && slices.Contains(oddTransforms, t)
	plane := len(f.Axes) < f.dims()
	return field.Law{Rank: of.Rank, Pseudo: pseudo, Normal: pseudo && plane && of.Rank == field.Scalar}
}

// CheckPseudo reports names in pseudo that no data set has.
func CheckPseudo(pseudo map[string]bool, all []Fields) error {
	var absent []string
	for name := range pseudo {
		known := slices.ContainsFunc(all, func(f Fields) bool {
			return slices.ContainsFunc(slices.Concat(f.Variable, f.Constant), func(of field.Field) bool { return of.Name == name })
		})
		if !known {
			absent = append(absent, name)
		}
	}
	if len(absent) == 0 {
		return nil
	}
	slices.Sort(absent)
	var names []string
	for _, f := range all {
		for _, of := range slices.Concat(f.Variable, f.Constant) {
			if !slices.Contains(names, of.Name) {
				names = append(names, of.Name)
			}
		}
	}
	return fmt.Errorf("sample: no data set has the fields %s, which are said to be pseudo or not; the fields are %s", strings.Join(absent, ", "), strings.Join(names, ", "))
}
