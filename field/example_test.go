package field_test

import (
	"fmt"

	"github.com/gowalrus/walrus/field"
)

// A quarter turn takes the values along, and the components of vectors, and the boundaries: walls are where their axis lies then.
func ExampleRotation() {
	turn := field.Rotation{Axis: []int{1, 0}, Flip: []bool{false, true}} // the new x is y, the new y is -x
	velocity := field.NewArray(3, 2, 2)                                  // 3 x 2 points, 2 components
	for point := range 3 * 2 {
		velocity.Data[2*point] = 1 // along x
	}
	turned, err := turn.Apply(velocity, []field.Rank{field.Vector})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(turn, turned.Shape, turned.Data[:2])
	fmt.Println(turn.Boundaries([]field.Sides{field.Both(field.Periodic), field.Both(field.Wall)}))
	fmt.Println(turn.Then(turn.Inverse()).IsIdentity(), turn.Proper())
	// Output:
	// (+y, -x) [2 3 2] [0 -1]
	// [WALL PERIODIC]
	// true true
}

// Fields are flattened into one name a component, as the model's columns are called.
func ExampleField_Components() {
	axes := []string{"x", "y"}
	fmt.Println(field.Field{Name: "pressure", Rank: field.Scalar}.Components(axes))
	fmt.Println(field.Field{Name: "velocity", Rank: field.Vector}.Components(axes))
	fmt.Println(field.Field{Name: "D", Rank: field.Tensor}.Components(axes))
	// Output:
	// [pressure]
	// [velocity_x velocity_y]
	// [D_xx D_xy D_yx D_yy]
}
